package conf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/BurntSushi/toml"
)

// maxSize bounds a configuration file, in bytes: 20 times what a thousand
// virtual servers of ten real servers each take.
const maxSize = 16 << 20

// Load reads and checks a configuration file, and reads the secrets that it has
// elsewhere. The error is [Errors] when the file could be read.
func Load(path string) (Deployment, error) {
	data, err := readFile(path)
	if err != nil {
		return Deployment{}, err
	}
	return readDeployment(path, data, true)
}

// Peek is Load without the secrets, for those who may not read them and need but
// to know where something is.
func Peek(path string) (Deployment, error) {
	data, err := readFile(path)
	if err != nil {
		return Deployment{}, err
	}
	return readDeployment(path, data, false)
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("conf: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("conf: %w", err)
	}
	return data, nil
}

// Parse checks a configuration. The name stands for the file in errors, which
// are always [Errors]: everything that is wrong, in the order of the file. Secrets
// that stand elsewhere are not read.
func Parse(name string, data []byte) (Deployment, error) { return readDeployment(name, data, false) }

func readDeployment(name string, data []byte, secrets bool) (Deployment, error) {
	read, err := readText(name, data, secrets)
	if err != nil {
		return Deployment{}, err
	}
	return read.d, nil
}

// withoutMark is a text without its byte order mark, which is no part of it.
func withoutMark(data []byte) []byte { return bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) }

func readText(name string, data []byte, secrets bool) (*reading, error) {
	data = withoutMark(data)
	data = data[:len(data):len(data)] // keeps the parser's slices measurable
	r := &reader{src: newSource(name, data), defaults: map[*Key]any{}, values: map[*Key]any{}}
	if len(data) > maxSize {
		r.report(0, "", "", fmt.Sprintf("the file is larger than %d MiB", maxSize>>20))
		return nil, r.errs
	}
	root, sections, offset, err := newIndex(data)
	if err != nil {
		return nil, r.syntax(offset, err.Error())
	}
	m := root.table
	if m == nil {
		if _, err := toml.Decode(string(data), &m); err != nil {
			var pe toml.ParseError
			if errors.As(err, &pe) {
				return nil, r.syntax(pe.Position.Start, houseVoice(pe.Message))
			}
			return nil, r.syntax(0, err.Error())
		}
	}
	file := &entry{r: r, spec: &Key{Section: &fileSection, Type: Table}, at: root, set: true}
	r.table(file, m)
	b := &builder{reader: r, file: file}
	b.build()
	if secrets {
		b.readSecrets()
	}
	if len(r.errs) > 0 {
		r.errs.sort()
		return nil, r.errs
	}
	b.d.Warnings = r.warnings
	b.d.Warnings.sort()
	return &reading{text: data, sections: sections, d: b.d}, nil
}

// syntax is the lone error of a file that is not TOML. Near a secret it shows
// neither the line nor what the decoder says of it.
func (r *reader) syntax(offset int, message string) Errors {
	if r.src.nearSecret(offset) {
		r.report(offset, "", "", "not TOML, in or below the line of a secret, which is not shown")
		return r.errs
	}
	r.report(offset, "", "", message)
	r.errs[0].Excerpt = r.src.excerpt(offset)
	return r.errs
}

// houseVoice begins the decoder's sentence in lower case and leaves out its full
// stop, as all errors here do.
func houseVoice(s string) string {
	s = strings.TrimSuffix(s, ".")
	if s == "" {
		return "not TOML"
	}
	return strings.ToLower(s[:1]) + s[1:]
}
