package state

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"failover/vrrp"
)

// MaxGroupName is the longest group name, in bytes, that a [Page] has room for.
const MaxGroupName = slotLen - slotName

// Page is one mapped file that holds a [vrrp.Record] per group. Record stores it
// without a system call, so the engine can do so at each advert, and the kernel
// keeps it when the process is killed. On a tmpfs it never meets a disk.
//
// Its methods may be called from any goroutine; one process at a time has it
// open.
type Page struct {
	mu    sync.Mutex
	file  *os.File
	mem   []byte         // the whole file, mapped
	slots map[string]int // group -> number of its slot
	found map[string]vrrp.Record
}

// OpenPage maps the file at path, making it where there is none, and reads what
// the previous process of this boot left in it. The error of a file that is not
// such a page, or of a later version, wraps [ErrCorrupt].
func OpenPage(path, bootID string) (*Page, error) {
	if len(bootID) != bootIDLen {
		return nil, fmt.Errorf("state: open %s: boot id %q is not %d characters long", path, bootID, bootIDLen)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	p := &Page{file: f, slots: map[string]int{}, found: map[string]vrrp.Record{}}
	if err := p.load(bootID); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// load reads the file as the previous process left it, or starts a new one.
func (p *Page) load(bootID string) error {
	st, err := p.file.Stat()
	if err != nil {
		return fmt.Errorf("state: %w", err)
	}
	if st.Size() == 0 {
		return p.begin(bootID)
	}
	// What is less than a header is not ours; what is more but not whole slots was
	// cut by somebody, and reading past its end would be a fault.
	if st.Size() < headerLen || (st.Size()-headerLen)%slotLen != 0 {
		return setAside(p.file.Name(), fmt.Errorf("%d bytes is not the size of a page", st.Size()))
	}
	if err := p.remap(int(st.Size())); err != nil {
		return err
	}
	was, err := readHeader(p.mem)
	if err != nil {
		return setAside(p.file.Name(), err)
	}
	if was != bootID {
		return p.begin(bootID)
	}
	for n := range p.capacity() {
		if name, r, ok := readSlot(p.slot(n)); ok {
			p.slots[name], p.found[name] = n, r
		}
	}
	return nil
}

// begin empties the file and gives it the header of this boot.
func (p *Page) begin(bootID string) error {
	if err := p.unmap(); err != nil {
		return err
	}
	if err := p.file.Truncate(0); err != nil {
		return fmt.Errorf("state: %w", err)
	}
	if err := p.grow(0); err != nil {
		return err
	}
	writeHeader(p.mem, bootID)
	return nil
}

// Load returns what the previous process of this boot had recorded when this one
// opened the page; nothing when the machine has been started since.
func (p *Page) Load() map[string]vrrp.Record {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.found)
}

// Assign gives each of the groups a place. Those that have one keep it and its
// record; the places of groups not named are freed.
func (p *Page) Assign(groups []string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	wanted := map[string]bool{}
	for _, g := range groups {
		if len(g) == 0 || len(g) > MaxGroupName {
			return fmt.Errorf("state: %s: group name %q is not of 1 to %d bytes", p.file.Name(), g, MaxGroupName)
		}
		wanted[g] = true
	}
	for name, n := range p.slots {
		if !wanted[name] {
			clearSlot(p.slot(n))
			delete(p.slots, name)
		}
	}
	if len(wanted) > p.capacity() {
		if err := p.grow(len(wanted)); err != nil {
			return err
		}
	}
	used := map[int]bool{}
	for _, n := range p.slots {
		used[n] = true
	}
	n := 0
	for name := range wanted {
		if _, has := p.slots[name]; has {
			continue
		}
		for used[n] {
			n++
		}
		nameSlot(p.slot(n), name)
		p.slots[name], used[n] = n, true
	}
	return nil
}

// Record stores a group's record where a killed process leaves it. Of a group
// that has no place it keeps nothing; so does a closed page.
func (p *Page) Record(group string, r vrrp.Record) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n, ok := p.slots[group]; ok {
		recordWord(p.slot(n)).Store(pack(r))
	}
}

// Close unmaps the file. What was recorded stays in it.
func (p *Page) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.slots)
	if p.file == nil {
		return nil
	}
	err := errors.Join(p.unmap(), p.file.Close())
	p.file = nil
	return err
}

// capacity is the number of slots the mapped file has.
func (p *Page) capacity() int { return max(0, len(p.mem)-headerLen) / slotLen }

// slot returns the bytes of a slot.
func (p *Page) slot(n int) []byte {
	at := headerLen + n*slotLen
	return p.mem[at : at+slotLen : at+slotLen]
}

// grow makes room for at least the given number of slots.
func (p *Page) grow(slots int) error {
	size := headerLen + slots*slotLen
	size = (size + os.Getpagesize() - 1) / os.Getpagesize() * os.Getpagesize()
	// Allocated now: on a full file system a store into a hole would be a SIGBUS.
	if err := unix.Fallocate(int(p.file.Fd()), 0, 0, int64(size)); err != nil {
		return fmt.Errorf("state: grow %s to %d bytes: %w", p.file.Name(), size, err)
	}
	return p.remap(size)
}

// remap maps the first size bytes of the file in place of what was mapped.
func (p *Page) remap(size int) error {
	mem, err := unix.Mmap(int(p.file.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("state: map %s: %w", p.file.Name(), err)
	}
	// A tmpfs can be swapped out, and an advert must not wait for swap. Where
	// locking is not permitted that risk is the price, not a reason to stop.
	_ = unix.Mlock(mem)
	if err := p.unmap(); err != nil {
		return err
	}
	p.mem = mem
	return nil
}

// unmap ends the mapping, if there is one.
func (p *Page) unmap() error {
	if p.mem == nil {
		return nil
	}
	err := unix.Munmap(p.mem)
	p.mem = nil
	if err != nil {
		return fmt.Errorf("state: unmap %s: %w", p.file.Name(), err)
	}
	return nil
}
