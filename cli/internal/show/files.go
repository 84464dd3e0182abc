package show

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/dingdag/dingdag/cli/internal/command"
)

// MaxFile is how long a file may be that a command reads whole, in bytes.
const MaxFile = 16 << 20

// Files are the files that a command line names, and the editor of whoever typed it. A name is as it was typed.
type Files interface {
	// Read reads a file of at most [MaxFile] bytes.
	Read(ctx context.Context, name string) ([]byte, error)
	// Write writes a file that only its owner can read, also when it was there before with other rights.
	Write(ctx context.Context, name string, data []byte) error
	// Edit begins an edit of a text.
	Edit(ctx context.Context, name string, text []byte) (Edit, error)
}

// Edit is a text in a file of its own, which an editor opens.
type Edit interface {
	// Path is that of the file; empty once it is gone.
	Path() string
	// Open opens the editor on the file, and returns what it leaves.
	Open(ctx context.Context) ([]byte, error)
	// Discard removes the file. Without it the file stays.
	Discard(ctx context.Context) error
}

// Disk are the files of the command: those of this machine, unless it has others.
func (o IO) Disk() Files {
	if o.Files != nil {
		return o.Files
	}
	return Local{o}
}

// Local are the files and the editor of this machine. The editor has the terminal of the IO.
type Local struct{ IO IO }

// Read implements [Files].
func (Local) Read(_ context.Context, name string) (text []byte, err error) {
	f, err := os.Open(name) //nolint:gosec // the person names the file
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	text, err = io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err == nil && len(text) > MaxFile {
		err = fmt.Errorf("%s: is longer than %d MiB", name, MaxFile>>20)
	}
	return text, err
}

// Write implements [Files].
func (Local) Write(_ context.Context, name string, data []byte) (err error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600) //nolint:gosec // the person names the file
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Mode().IsRegular() {
		if err := errors.Join(f.Chmod(0o600), f.Truncate(0)); err != nil {
			return err
		}
	}
	_, err = f.Write(data)
	return err
}

// Edit implements [Files].
func (l Local) Edit(_ context.Context, name string, text []byte) (Edit, error) {
	dir, err := os.MkdirTemp("", "dingdag-edit-")
	if err != nil {
		return nil, fmt.Errorf("create a folder for the edit: %w", command.WithoutOp(err))
	}
	e := &localEdit{io: l.IO, dir: dir, path: filepath.Join(dir, filepath.Base(name))}
	if err := os.WriteFile(e.path, text, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("write the file of the edit: %w", command.WithoutOp(err)), os.RemoveAll(dir))
	}
	return e, nil
}

// localEdit is an edit on this machine.
type localEdit struct {
	io        IO
	dir, path string
}

// Path implements [Edit].
func (e *localEdit) Path() string { return e.path }

// Open implements [Edit].
func (e *localEdit) Open(context.Context) ([]byte, error) {
	editor := "vi"
	for _, name := range []string{"EDITOR", "VISUAL"} {
		if v, _ := e.io.LookupEnv(name); strings.TrimSpace(v) != "" {
			editor = v
		}
	}
	// The value may have arguments, which the shell takes apart, as in git.
	cmd := exec.Command("sh", "-c", editor+` "$@"`, editor, e.path) //nolint:gosec,noctx // the user's own editor, which ends by itself
	cmd.Stdin, cmd.Stdout, cmd.Stderr = e.io.In, unmasked(e.io.Out), unmasked(e.io.Err)
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("the editor %q: %w; set EDITOR to another one", editor, err)
	}
	text, err := os.ReadFile(e.path)
	if err == nil {
		return text, nil
	}
	err = fmt.Errorf("read the edit: %w", command.WithoutOp(err))
	if errors.Is(err, fs.ErrNotExist) {
		e.path = ""
		err = errors.Join(err, os.RemoveAll(e.dir))
	}
	return nil, err
}

// Discard implements [Edit].
func (e *localEdit) Discard(context.Context) error { return os.RemoveAll(e.dir) }

// unmasked is the file that output goes to, as an editor needs it, or the output itself.
func unmasked(out io.Writer) io.Writer {
	if f, ok := (IO{Out: out}).File(); ok {
		return f
	}
	return out
}

// LineReader is an input that reads a line which is not shown while it is typed.
type LineReader interface {
	ReadHidden(ctx context.Context) ([]byte, error)
}
