package python

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/dingdag/dingdag/params"
)

// Callable are the parameters that name a Python function.
type Callable struct {
	// Path is the function: pkg.module.function, pkg.module:function or folder/file.py:function. Modules are looked for in the folder of
	// the DAG file, in the DAGs folder and among those that are installed for the interpreter.
	Path string `yaml:"python_callable"`
	// Name is the function in python_callable_file.
	Name string `yaml:"python_callable_name"`
	// File is the file with the function: an absolute path, or one relative to the folder of the DAG file or the DAGs folder.
	File string `yaml:"python_callable_file"`
}

// function is a callable as the runner finds it: by a file, or by a module.
type function struct{ file, module, name string }

var (
	dotted = regexp.MustCompile(`^[\pL_][\pL\pN_]*(\.[\pL_][\pL\pN_]*)*$`)
	// imports are the lines of a file that may import a module of the DAGs folder.
	imports  = regexp.MustCompile(`(?m)^[ \t]*(?:from[ \t]+(\.*[\pL\pN_.]*)[ \t]+import[ \t]*(\([^)]*\)|[^#\n]*)|import[ \t]+([^#\n;]+))`)
	comments = regexp.MustCompile(`#[^\n]*`)
)

// Validate accepts one of the forms.
func (c *Callable) Validate() error {
	_, err := c.function()
	return err
}

// function takes the parameters apart. The error is about one of them.
func (c *Callable) function() (f function, err error) {
	switch {
	case c.Path != "" && (c.Name != "" || c.File != ""):
		return f, params.At("python_callable", errors.New("python_callable excludes python_callable_name and python_callable_file: keep one of the two forms"))
	case c.Path == "" && c.Name == "" && c.File == "":
		return f, errors.New("a Python function is missing: name it with python_callable: package.module.function, or with python_callable_name and python_callable_file")
	case c.Path != "":
		f, err = parse(c.Path)
		return f, params.At("python_callable", err)
	case c.Name == "" || c.File == "":
		return f, errors.New("python_callable_name and python_callable_file belong together: one of them is missing")
	case !dotted.MatchString(c.Name):
		return f, params.At("python_callable_name", fmt.Errorf("%q is not the name of a Python function", c.Name))
	}
	return function{file: filepath.FromSlash(c.File), name: c.Name}, nil
}

func parse(text string) (function, error) {
	if strings.HasPrefix(text, "lambda") {
		return function{}, errors.New("a lambda cannot be called: write a function into a file, and name that")
	}
	module, name, colon := strings.Cut(text, ":")
	if !colon {
		i := strings.LastIndexByte(text, '.')
		if i < 0 {
			return function{}, fmt.Errorf("%q names no module: write package.module.function or module:function, or give python_callable_name and python_callable_file", text)
		}
		module, name = text[:i], text[i+1:]
	}
	if !dotted.MatchString(name) {
		return function{}, fmt.Errorf("%q is not the name of a Python function", name)
	}
	if strings.HasSuffix(module, ".py") {
		return function{file: filepath.FromSlash(module), name: name}, nil
	}
	if !dotted.MatchString(module) {
		return function{}, fmt.Errorf("%q is not the name of a Python module", module)
	}
	return function{module: module, name: name}, nil
}

// param is the parameter that names the file or the module.
func (c *Callable) param() string {
	if c.Path != "" {
		return "python_callable"
	}
	return "python_callable_file"
}

// below is the path of an absolute file below one of the folders, with slashes.
func below(file string, folders []string) (string, bool) {
	for _, folder := range folders {
		whole, err := filepath.Abs(folder)
		if err != nil {
			continue
		}
		if rel, err := filepath.Rel(whole, file); err == nil && filepath.IsLocal(rel) {
			return filepath.ToSlash(rel), true
		}
	}
	return "", false
}

// sourcesOf reads the file of the function and those of the modules that it imports from the folders, and so on.
func (c *Callable) sourcesOf(folders []string, read func(name string) (string, error)) error {
	f, err := c.function()
	if err != nil {
		return nil //nolint:nilerr // Validate tells
	}
	_, err = f.sources(folders, read)
	return params.At(c.param(), err)
}

// sources are the files of the folders that the function comes from, the first one that with the function unless it is installed
// with the interpreter, or lies outside.
func (f function) sources(folders []string, read func(name string) (string, error)) ([]source, error) {
	c := collection{read: read, seen: map[string]bool{}}
	if f.module != "" {
		return c.files, c.module(f.module)
	}
	name := filepath.ToSlash(f.file)
	if filepath.IsAbs(f.file) {
		inside, ok := below(f.file, folders)
		if !ok {
			return nil, readable(f.file)
		}
		name = inside
	}
	name = path.Clean(name)
	found, err := c.file(name)
	if err == nil && !found {
		err = fmt.Errorf("no file %q in %s", f.file, strings.Join(folders, " or "))
	}
	return c.files, err
}

// readable looks at a file outside of the folders.
func readable(file string) error {
	info, err := os.Stat(file)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a file", file)
	}
	return err
}

// source is a file of the folders, by its path below one of them.
type source struct{ name, text string }

// collection follows imports.
type collection struct {
	read  func(name string) (string, error)
	seen  map[string]bool
	files []source
}

// file takes a file, if it is there, and what it imports.
func (c *collection) file(name string) (found bool, err error) {
	if c.seen[name] {
		return true, nil
	}
	text, err := c.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	c.seen[name] = true
	c.files = append(c.files, source{name, text})
	for _, module := range imported(name, text) {
		_ = c.module(module) // what cannot be a part of the version is imported from its folder, where that is there
	}
	return true, nil
}

// module takes a module with the packages that it is in. One that is not there is somebody else's.
func (c *collection) module(name string) error {
	place := ""
	for part := range strings.SplitSeq(name, ".") {
		place = path.Join(place, part)
		found, err := c.file(place + "/__init__.py")
		if err != nil {
			return err
		}
		if !found {
			found, err = c.file(place + ".py")
			if err != nil || found {
				return err
			}
		}
	}
	return nil
}

// imported are the modules that a file may import, by their full names. What is imported from a package may be a module or not.
func imported(file, text string) (modules []string) {
	for _, m := range imports.FindAllStringSubmatch(text, -1) {
		if m[3] != "" {
			for one := range strings.SplitSeq(m[3], ",") {
				if name, _, _ := strings.Cut(strings.TrimSpace(one), " "); dotted.MatchString(name) {
					modules = append(modules, name)
				}
			}
			continue
		}
		from := m[1]
		if relative := strings.TrimLeft(from, "."); relative != from {
			folder := path.Dir(file)
			for range len(from) - len(relative) - 1 {
				folder = path.Dir(folder)
			}
			from = strings.Trim(strings.ReplaceAll(path.Join(folder, "x"), "/", "."), ".")
			from = strings.TrimSuffix(strings.TrimSuffix(from, "x"), ".")
			from = strings.Trim(from+"."+relative, ".")
		}
		if from != "" {
			modules = append(modules, from)
		}
		for one := range strings.SplitSeq(comments.ReplaceAllString(m[2], ""), ",") {
			name, _, _ := strings.Cut(strings.Trim(one, "()\\ \t\r\n"), " ")
			if whole := strings.Trim(from+"."+name, "."); name != "" && dotted.MatchString(whole) {
				modules = append(modules, whole)
			}
		}
	}
	return modules
}
