package conf

import "fmt"

// DefaultDaemon is the [daemon] table of a file that has none: where commands
// look for the daemon when there is no file to ask.
func DefaultDaemon() Daemon {
	r := &reader{src: newSource("", nil), defaults: map[*Key]any{}, values: map[*Key]any{}}
	root, _, _, err := newIndex(nil)
	if err != nil {
		panic(fmt.Sprintf("conf: index of an empty file: %v", err))
	}
	file := &entry{r: r, spec: &Key{Section: &fileSection, Type: Table}, at: root, set: true}
	r.table(file, map[string]any{})
	b := &builder{reader: r, file: file}
	return b.daemon(b.file.get("daemon"))
}
