package python

import (
	"cmp"
	"errors"
	"fmt"
	"os/exec"
	"runtime"

	"github.com/dingdag/dingdag/operator"
)

// Options say how the operators of this package run Python code.
type Options struct {
	// Python is the interpreter of tasks that name none: a path, or a name that is looked for in PATH. Default: python3.
	Python string
	// Root is the DAGs folder, whose modules can be imported, too; empty for none.
	Root string
}

// defaultPython is the interpreter where neither the task nor the setting names one.
const defaultPython = "python3"

// interpreter finds the interpreter that a task names, or else the setting.
func (o Options) interpreter(named string) (string, error) {
	if runtime.GOOS == "windows" {
		return "", errors.New("tasks do not run Python code on Windows, where no pipe can be given to a program")
	}
	name := cmp.Or(named, o.Python, defaultPython)
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path, nil
	case named != "":
		return "", fmt.Errorf("parameter python: there is no program %q on this machine: %w", named, errors.Unwrap(err))
	case o.Python != "":
		return "", fmt.Errorf("the setting python names %q, which is no program on this machine: %w", o.Python, errors.Unwrap(err))
	}
	return "", fmt.Errorf("there is no %s in PATH: install Python, or name an interpreter in the setting python (DINGDAG_PYTHON) or the parameter python of the task", name)
}

// missing is the error of a try for which there is no interpreter.
func missing(err error) error { return operator.Fail(err) }
