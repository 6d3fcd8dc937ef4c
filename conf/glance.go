package conf

import (
	"bytes"
	"strings"
)

// glanceSize is the size in bytes up to which a file is read whole at a glance: some
// hundred virtual servers, a few milliseconds.
const glanceSize = 64 << 10

// Glance is the directors and the daemon's settings of a file, for a process that
// needs those at its start and nothing else: a thousand virtual servers take a
// hundred times as long. A small file, and a large one whose text does not tell by
// itself where they stand, is read and checked whole, as [Load] does; what is wrong
// in the rest of a large one only Load will find.
func Glance(path string) (Deployment, error) {
	data, err := readFile(path)
	if err != nil {
		return Deployment{}, err
	}
	if len(data) > glanceSize {
		if part, ok := ownTables(data); ok {
			if d, err := Parse(path, part); err == nil {
				return d, nil
			}
		}
	}
	return readDeployment(path, data, true)
}

// ownTables cuts out of a text what stands before its first header and the tables
// director and daemon; not ok: the text is not as plain as that takes (plain.go). A
// line of a list of lists may look like a header; then the cut is no TOML, or is
// nothing that the reader knows.
func ownTables(text []byte) (part []byte, ok bool) {
	if !plainText(text) {
		return nil, false
	}
	ours := true
	for line := range bytes.Lines(text) {
		if header := bytes.TrimLeft(line, " \t"); len(header) > 0 && header[0] == '[' {
			ours = isOwn(string(header))
		}
		if ours {
			part = append(part, line...)
		}
	}
	return part, true
}

// isOwn tells whether a header is of the table daemon, or of a director.
func isOwn(header string) bool {
	name := strings.TrimLeft(header, "[ \t\"'")
	return strings.HasPrefix(name, "daemon") || strings.HasPrefix(name, "director")
}
