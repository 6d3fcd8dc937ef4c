package conf

import (
	"bytes"
	"net/netip"
	"slices"
	"sync"

	"failover/lvs"
)

// File is a configuration file that is read again and again. Of a large one in which
// nothing but some virtual servers have changed only those are read, and held against
// the rest: a thousand of them take a hundred times as long as one.
type File struct {
	mu   sync.Mutex
	last *reading // nil: read it whole
}

// reading is a file that is as it should be, without a warning, and what it came to.
type reading struct {
	text     []byte
	sections []section
	d        Deployment
}

// section is the part of a text from one header to the next: of one virtual server, or
// of what is none, which has no name.
type section struct {
	start  int // the offset of its first line
	server string
}

// Load is [Load], from then on for less. What it returns is shared between its calls,
// and so is not to be changed.
func (f *File) Load(path string) (Deployment, error) {
	data, err := readFile(path)
	if err != nil {
		return Deployment{}, err
	}
	return f.parse(path, data)
}

func (f *File) parse(path string, data []byte) (Deployment, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now, ok := f.last.again(path, data)
	if !ok {
		var err error
		if now, err = readText(path, data, true); err != nil {
			f.last = nil
			return Deployment{}, err
		}
	}
	now.d.sums = serviceSums(now.d.VirtualServers, now.d.sums)
	f.last = nil
	if now.repeats() {
		f.last = now
	}
	return now.d, nil
}

// repeats tells whether a later text can be read by what is different in it. Places in
// the file, which warnings have, would be others then. A small file is not worth it.
func (r *reading) repeats() bool {
	return len(r.text) > glanceSize && r.sections != nil && len(r.d.Warnings)+len(r.d.Unread) == 0
}

// again reads a text of which all but some virtual servers is known. It does nothing
// where that is not certain: where something else has changed, where one comes, goes
// or gets another address, where anything is wrong.
//
// TOML is read from the beginning to the end, so up to the first difference both texts
// mean the same. What is read anew stands last in the part that is read, and nothing
// in it may be open at its end; so behind it both texts mean the same again. No
// virtual server has keys in two places (see indexer.servers). Of the rules, those
// that hold virtual servers against each other go by their addresses.
func (r *reading) again(path string, text []byte) (*reading, bool) {
	if r == nil {
		return nil, false
	}
	text = withoutMark(text)
	first, end := r.touched(text)
	if first < 0 || slices.ContainsFunc(r.sections[first:end], func(s section) bool { return s.server == "" }) {
		return nil, false
	}
	grown := len(text) - len(r.text)
	from, to := r.start(first), r.start(end)+grown
	part := append(r.others(), text[from:to]...)
	if len(part) > len(text)/2 {
		return nil, false
	}
	now, err := readText(path, part, true)
	if err != nil || len(now.d.Warnings)+len(now.d.Unread) > 0 {
		return nil, false
	}
	n := len(part) - (to - from) // where what was read anew begins
	servers := now.sections[max(0, len(now.sections)-(end-first)):]
	had := names(r.sections[first:end])
	if !slices.Equal(names(servers), had) || !slices.Equal(tableNames(now.d.VirtualServers), had) || first < end && servers[0].start != n {
		return nil, false
	}
	sections := slices.Clone(r.sections)
	for i, s := range servers {
		sections[first+i].start = from + s.start - n
	}
	for i := end; i < len(sections); i++ {
		sections[i].start += grown
	}
	if !now.d.takeOver(r.d) {
		return nil, false
	}
	return &reading{text: text, sections: sections, d: now.d}, true
}

// touched is where the sections are between which the texts differ: the first of them,
// and the one behind the last; both 0 where they are alike. A difference before the
// first section has -1.
func (r *reading) touched(text []byte) (first, end int) {
	before := commonPrefix(r.text, text)
	if before == len(r.text) && before == len(text) {
		return 0, 0
	}
	behind := len(r.text) - commonSuffix(r.text[before:], text[before:])
	before = bytes.LastIndexByte(r.text[:before], '\n') + 1
	// A header counts where its line is the same in both, and so is, behind the
	// difference, the end of the line before it.
	first = -1
	for i, s := range r.sections {
		if s.start < before {
			first = i
		}
		if s.start > behind {
			return first, i
		}
	}
	return first, len(r.sections)
}

// start is where a section begins; behind the last one, where the text ends.
func (r *reading) start(i int) int {
	if i == len(r.sections) {
		return len(r.text)
	}
	return r.sections[i].start
}

// others is all that is no virtual server.
func (r *reading) others() []byte {
	part := slices.Clone(r.text[:r.start(0)])
	for i, s := range r.sections {
		if s.server == "" {
			part = append(part, r.text[s.start:r.start(i+1)]...)
		}
	}
	if len(part) > 0 && part[len(part)-1] != '\n' {
		part = append(part, '\n')
	}
	return part
}

// takeOver puts the virtual servers of a deployment, some of which were read anew, into
// the place of those that it had. It tells whether they can be: whether they are those
// services still, and their real servers no address of another one.
func (d *Deployment) takeOver(of Deployment) bool {
	anew := d.VirtualServers
	list := slices.Clone(of.VirtualServers)
	d.sums = slices.Clone(of.sums)
	d.VirtualServers = list
	if len(anew) == 0 {
		return true
	}
	at := slices.IndexFunc(list, func(vs VirtualServer) bool { return vs.Name == anew[0].Name })
	if at < 0 || !slices.EqualFunc(anew, list[at:min(at+len(anew), len(list))], sameKeys) ||
		at+len(anew) < len(list) && list[at+len(anew)].Name == anew[len(anew)-1].Name {
		return false
	}
	reals := map[netip.Addr]bool{}
	for i := range anew {
		for _, rs := range withSorry(anew[i]) {
			reals[rs.Address.Addr()] = true
		}
	}
	for i := range list {
		if reals[list[i].Key.Address.Addr()] || slices.ContainsFunc(list[i].Match, func(k lvs.Key) bool { return reals[k.Address.Addr()] }) {
			return false
		}
	}
	copy(list[at:], anew)
	clear(d.sums[at : at+len(anew)])
	return true
}

func names(sections []section) []string {
	list := make([]string, len(sections))
	for i, s := range sections {
		list[i] = s.server
	}
	return list
}

func tableNames(services []VirtualServer) (list []string) {
	for t := range ByTable(services) {
		list = append(list, t[0].Name)
	}
	return list
}

func sameKeys(a, b VirtualServer) bool {
	return a.Name == b.Name && a.Key == b.Key && a.VirtualRouter == b.VirtualRouter && slices.Equal(a.Match, b.Match)
}

// servers is where each virtual server stands, nil where one has keys in two places or
// outside of its own tables.
func (x *indexer) servers(root *place) []section {
	seen := map[string]bool{}
	var list []section
	for _, s := range x.sections {
		if n := len(list); n > 0 && list[n-1].server == s.server {
			continue
		}
		if s.server != "" && seen[s.server] {
			return nil
		}
		seen[s.server] = s.server != ""
		list = append(list, s)
	}
	delete(seen, "")
	if all := root.find("virtual_server"); all == nil || len(all.keys) != len(seen) {
		return nil
	}
	return list
}

// stride is how much of two texts is compared at once.
const stride = 4096

func commonPrefix(a, b []byte) int {
	most := min(len(a), len(b))
	n := 0
	for n+stride <= most && bytes.Equal(a[n:n+stride], b[n:n+stride]) {
		n += stride
	}
	for n < most && a[n] == b[n] {
		n++
	}
	return n
}

func commonSuffix(a, b []byte) int {
	most := min(len(a), len(b))
	n := 0
	for n+stride <= most && bytes.Equal(a[len(a)-n-stride:len(a)-n], b[len(b)-n-stride:len(b)-n]) {
		n += stride
	}
	for n < most && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}
