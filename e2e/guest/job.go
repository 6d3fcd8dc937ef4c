package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const (
	initPath = "/init"     // what the kernel starts, and how we know that we are it
	jobPath  = "/job.json" // beside it
)

// inLab tells COMMAND that it runs where IPVS is: what it finds missing there is
// missing for good.
const inLab = "FAILOVER_IN_LAB=1"

// job is what the guest has to do. It travels inside the initramfs.
type job struct {
	Argv    []string
	Env     []string
	Dir     string
	Release string   // of the guest's kernel
	Modules string   // this machine's folder of that kernel's modules
	Insert  []string // modules to insert at boot, in order
	// Show are folders below /tmp or /run that COMMAND needs; everything else
	// there is hidden by an empty file system.
	Show []string
	// Results is the one folder that is written through to this machine; may be
	// empty.
	Results string
}

// newJob describes COMMAND as it would be run here.
func newJob(argv []string, k kernel) (job, error) {
	dir, err := os.Getwd()
	if err != nil {
		return job{}, fmt.Errorf("working directory: %w", err)
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return job{}, fmt.Errorf("run %s: %w", argv[0], err)
	}
	if path, err = filepath.Abs(path); err != nil {
		return job{}, err
	}
	j := job{
		Argv:    append([]string{path}, argv[1:]...),
		Env:     append(os.Environ(), inLab),
		Dir:     dir,
		Release: k.release,
		Modules: k.modules,
	}
	if r := os.Getenv("FAILOVER_RESULTS"); r != "" {
		if !filepath.IsAbs(r) {
			return job{}, fmt.Errorf("FAILOVER_RESULTS=%s: an absolute path is needed", r)
		}
		if err := os.MkdirAll(r, 0o755); err != nil {
			return job{}, fmt.Errorf("results folder: %w", err)
		}
		j.Results = r
	}
	need := []string{filepath.Dir(path), dir}
	if bin := os.Getenv("FAILOVER_BIN"); filepath.IsAbs(bin) {
		need = append(need, filepath.Dir(bin))
	}
	for _, p := range need {
		if hidden(p) {
			j.Show = append(j.Show, p)
		}
	}
	return j, nil
}

// hidden tells whether the guest covers the folder by an empty file system.
func hidden(path string) bool {
	return strings.HasPrefix(path, "/tmp/") || strings.HasPrefix(path, "/run/")
}

// initramfs is the guest's first root: this very program as its init, the
// modules it needs to reach the real root, and the job.
func initramfs(j job, k kernel) ([]byte, error) {
	modules, order, err := readModules(k)
	if err != nil {
		return nil, err
	}
	j.Insert = order
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return nil, fmt.Errorf("read this program: %w", err)
	}
	text, err := json.Marshal(j)
	if err != nil {
		return nil, fmt.Errorf("encode the job: %w", err)
	}
	var a archive
	for _, d := range []string{"dev", "proc", "sys", "lower", "scratch", "root", "modules"} {
		a.dir(d)
	}
	a.char("dev/console", 5, 1)
	a.file("init", self)
	a.file("job.json", text)
	for _, name := range order {
		a.file("modules/"+name, modules[name])
	}
	return a.bytes(), nil
}
