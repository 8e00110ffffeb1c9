package architecture

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Module is the path of this module.
const Module = "github.com/signalbox-hq/signalbox"

// Tree is the packages of the module and what they import.
type Tree struct {
	// Root is the folder of go.mod.
	Root     string
	Packages []Package
	// Binary is every package that the binary is linked from.
	Binary []string
}

// Package is one package.
type Package struct {
	// Path is the import path without the module's ("domain/flag").
	Path string
	// Dir is the folder on disk.
	Dir string
	// Files are the names of the files, tests included.
	Files []string
	// Imports are the imports of all files but tests.
	Imports []Import
}

// Import is one import of one file.
type Import struct {
	File string
	Path string
}

// listed is what `go list -json` says of a package.
type listed struct {
	ImportPath   string
	Dir          string
	GoFiles      []string
	TestGoFiles  []string
	XTestGoFiles []string
}

// Load reads the module in a folder.
func Load(root string) (Tree, error) {
	found, err := list(root)
	if err != nil {
		return Tree{}, err
	}
	tree := Tree{Root: root}
	for _, l := range found {
		p := Package{
			Path:  strings.TrimPrefix(strings.TrimPrefix(l.ImportPath, Module), "/"),
			Dir:   l.Dir,
			Files: slices.Concat(l.GoFiles, l.TestGoFiles, l.XTestGoFiles),
		}
		for _, file := range l.GoFiles {
			imports, err := importsOf(filepath.Join(l.Dir, file))
			if err != nil {
				return Tree{}, err
			}
			for _, path := range imports {
				p.Imports = append(p.Imports, Import{File: filepath.Join(p.Path, file), Path: path})
			}
		}
		tree.Packages = append(tree.Packages, p)
	}
	tree.Binary, err = linked(root)
	return tree, err
}

func list(root string) ([]listed, error) {
	output, err := goList(root, "-json=ImportPath,Dir,GoFiles,TestGoFiles,XTestGoFiles", "./...")
	if err != nil {
		return nil, err
	}
	var all []listed
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var l listed
		if err := decoder.Decode(&l); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("read go list: %w", err)
		}
		all = append(all, l)
	}
}

// linked lists what the binary is made from.
func linked(root string) ([]string, error) {
	output, err := goList(root, "-deps", "./bootstrap/cmd/signalbox")
	return strings.Fields(string(output)), err
}

func goList(root string, args ...string) ([]byte, error) {
	command := exec.Command("go", append([]string{"list"}, args...)...) //nolint:noctx // ends by itself
	command.Dir = root
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("go list %s: %w", strings.Join(args, " "), err)
	}
	return output, nil
}
