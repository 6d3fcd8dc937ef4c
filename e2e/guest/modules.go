package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// bootModules are what the guest needs before it sees its root; the rest is
// loaded from there by modprobe, on demand.
var bootModules = []string{"virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay"}

// moduleOrder returns the files of the wanted modules and of what they depend
// on, in an order they can be inserted in, relative to the folder of
// modules.dep. What is built into the kernel is left out.
func moduleOrder(dep, builtin []byte, want []string) ([]string, error) {
	files, deps := map[string]string{}, map[string][]string{}
	for line := range bytes.Lines(dep) {
		file, rest, ok := strings.Cut(strings.TrimSpace(string(line)), ":")
		if !ok {
			continue
		}
		files[moduleName(file)] = file
		deps[file] = strings.Fields(rest)
	}
	inside := map[string]bool{}
	sc := bufio.NewScanner(bytes.NewReader(builtin))
	for sc.Scan() {
		inside[moduleName(sc.Text())] = true
	}
	var order []string
	for _, name := range want {
		if inside[name] {
			continue
		}
		file, ok := files[name]
		if !ok {
			return nil, fmt.Errorf("the kernel has no module %s", name)
		}
		// modules.dep lists the dependencies of a module, nearest first.
		for _, f := range slices.Backward(deps[file]) {
			if !slices.Contains(order, f) {
				order = append(order, f)
			}
		}
		if !slices.Contains(order, file) {
			order = append(order, file)
		}
	}
	return order, nil
}

// moduleName is the name modprobe knows a module file by.
func moduleName(file string) string {
	name, _, _ := strings.Cut(filepath.Base(file), ".ko")
	return strings.ReplaceAll(name, "-", "_")
}

// readModules returns the boot modules of a kernel, in order, uncompressed.
func readModules(k kernel) (map[string][]byte, []string, error) {
	dep, err := os.ReadFile(filepath.Join(k.modules, "modules.dep"))
	if err != nil {
		return nil, nil, err
	}
	builtin, err := os.ReadFile(filepath.Join(k.modules, "modules.builtin"))
	if err != nil {
		return nil, nil, err
	}
	order, err := moduleOrder(dep, builtin, bootModules)
	if err != nil {
		return nil, nil, err
	}
	content := map[string][]byte{}
	var names []string
	for _, file := range order {
		path := filepath.Join(k.modules, file)
		data, err := os.ReadFile(path)
		if err == nil && strings.HasSuffix(path, ".xz") {
			data, err = exec.Command("xz", "-dc", path).Output()
		}
		if err != nil {
			return nil, nil, fmt.Errorf("module %s: %w", path, err)
		}
		name := moduleName(file) + ".ko"
		content[name] = data
		names = append(names, name)
	}
	return content, names, nil
}
