package process

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/dingdag/dingdag/operator"
)

// noteEnd ends the names of notes.
const noteEnd = ".json"

// draftEnd ends the name of a note that is being written, which takes less than draftAge.
const (
	draftEnd = ".new"
	draftAge = time.Minute
)

// noted is what a note says: what is left of a command when this process dies, and has to
// be ended or removed by the next one.
type noted struct {
	DAGID  string `json:"dag_id,omitempty"`
	RunID  string `json:"run_id,omitempty"`
	TaskID string `json:"task_id,omitempty"`
	Try    int    `json:"try,omitempty"`
	Mark   string `json:"mark,omitempty"`
	// Machine tells the start of the machine; after another one no process is left.
	Machine string `json:"machine,omitempty"`
	// Owner is the dingdag that runs the command: while it lives nobody else touches it.
	Owner owner `json:"owner,omitzero"`
	// Home tells the folder that the note was written to from a copy of it.
	Home folder `json:"home,omitzero"`
	// Dir is the temporary folder of the command, empty when it has none.
	Dir string `json:"dir,omitempty"`
	// Leader is the id of the first process, and Started when it began.
	Leader  int    `json:"leader,omitempty"`
	Started string `json:"started,omitempty"`
	// Cgroup is the folder of the command's control group.
	Cgroup string `json:"cgroup,omitempty"`
}

// owner is a process of ours. Started tells it from another one that gets its number later.
type owner struct {
	PID     int    `json:"pid"`
	Started string `json:"started,omitempty"`
}

// self is this process.
var self = sync.OnceValue(func() owner { return owner{PID: os.Getpid(), Started: startedAt(os.Getpid())} })

// folder tells a folder from a copy of it, also at its own place.
type folder struct {
	Path string `json:"path"`
	// Device and File are the numbers that the file system gave it, 0 where there are none.
	Device uint64 `json:"device,omitempty"`
	File   uint64 `json:"file,omitempty"`
}

// folderAt looks at a folder.
func folderAt(path string) (folder, error) {
	path, err := filepath.EvalSymlinks(path)
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return folder{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return folder{}, err
	}
	f := folder{Path: path}
	f.Device, f.File = fileNumbers(info)
	return f, nil
}

// same reports whether it is the folder of before. It may have been moved, or its device
// may have another number since the machine has started again; not both.
func (f folder) same(before folder) bool {
	return before.Path != "" && f.File == before.File && (f.Device == before.Device || f.Path == before.Path)
}

// note is a file about a command that runs. It outlives this process, not the machine, and
// neither do processes: nobody waits for the disk.
type note struct {
	path string
	log  *slog.Logger
}

// newNote writes what is known before the command begins, so that there is no moment at
// which it could be forgotten. Nil is no note, where there is no folder for it.
func newNote(tc *operator.TaskContext, mark, dir string) (*note, error) {
	if tc.ProcessDir == "" {
		return nil, nil
	}
	n, err := beginNote(tc.ProcessDir, tc.Log, noted{
		DAGID: tc.DAGID, RunID: tc.RunID, TaskID: tc.TaskID, Try: tc.TryNumber, Mark: mark, Dir: dir,
	})
	if err != nil {
		return nil, fmt.Errorf("note the command for the time after a crash: %w", err)
	}
	return n, nil
}

// NoteFolder notes a temporary folder of this process, so that [EndLeftovers] removes it
// when this process is killed. Its name begins with [TempPrefix]. Over removes the note.
func NoteFolder(processes, dir string, log *slog.Logger) (over func(), err error) {
	n, err := beginNote(processes, log, noted{Mark: newMark(), Dir: dir})
	if err != nil {
		return nil, fmt.Errorf("note a folder for the time after a crash: %w", err)
	}
	return n.over, nil
}

// beginNote writes a note of this process. It appears with its owner in it: somebody may
// be looking through the folder.
func beginNote(processes string, log *slog.Logger, what noted) (*note, error) {
	if err := os.MkdirAll(processes, 0o700); err != nil {
		return nil, err
	}
	var err error
	if what.Home, err = folderAt(processes); err != nil {
		return nil, err
	}
	what.Machine, what.Owner = machineStart(), self()
	path := filepath.Join(processes, what.Mark+noteEnd)
	n := &note{path: path + draftEnd, log: log}
	if err = n.write(what, os.O_CREATE|os.O_EXCL); err == nil {
		err = os.Rename(n.path, path)
	}
	if err != nil {
		_ = os.Remove(n.path) // it may not be there
		return nil, err
	}
	n.path = path
	return n, nil
}

// write adds a line. What it says goes over what the lines before say.
func (n *note) write(what noted, flag int) error {
	line, err := json.Marshal(what)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(n.path, flag|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}

// started adds who the leader is. Without it the mark finds the processes.
func (n *note) started(k *kin) {
	if n == nil {
		return
	}
	if err := n.write(noted{Leader: k.leader, Started: startedAt(k.leader), Cgroup: k.group.path}, 0); err != nil {
		n.log.Warn("the process of the command could not be noted for the time after a crash", "error", err)
	}
}

// over removes the note: the command has ended, and what it left running it left on purpose.
func (n *note) over() {
	if n == nil {
		return
	}
	if err := os.Remove(n.path); err != nil {
		n.log.Warn("the note about the command could not be removed", "error", err)
	}
}

// EndLeftovers ends what commands of an earlier process left running in the middle of
// their try, because that process was killed: SIGTERM and, after 5 seconds, SIGKILL. It
// removes their temporary folders. The folder is [operator.TaskContext.ProcessDir]. It
// leaves alone what belongs to a dingdag that lives, and what is of another folder, of which
// this one is a copy: then only the notes go. It returns how many tries it cleaned up after;
// an error about one of them does not keep it from the others.
func EndLeftovers(ctx context.Context, processes string, log *slog.Logger) (int, error) {
	names, err := os.ReadDir(processes)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("look for what an earlier process left running: %w", err)
	}
	here, err := folderAt(processes)
	if err != nil {
		return 0, fmt.Errorf("look for what an earlier process left running: %w", err)
	}
	var (
		all  sync.WaitGroup
		mu   sync.Mutex
		errs []error
		n    int
	)
	for _, name := range names {
		path := filepath.Join(processes, name.Name())
		if strings.HasSuffix(path, draftEnd) {
			if info, err := name.Info(); err == nil && time.Since(info.ModTime()) > draftAge {
				_ = os.Remove(path) // the command had not begun
			}
		}
		if !strings.HasSuffix(path, noteEnd) {
			continue
		}
		all.Go(func() {
			ended, err := endLeftover(ctx, path, here, log)
			mu.Lock()
			defer mu.Unlock()
			if ended {
				n++
			}
			errs = append(errs, err)
		})
	}
	all.Wait()
	return n, errors.Join(errs...)
}

// endLeftover does that for one note and reports whether it was for us to do.
func endLeftover(ctx context.Context, path string, here folder, log *slog.Logger) (bool, error) {
	what, err := readNote(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil // its owner has finished
	}
	if err != nil {
		return false, err
	}
	if !here.same(what.Home) {
		log.WarnContext(ctx, "leaving alone the commands of a process of another home folder, of which this one is a copy",
			"home", filepath.Dir(what.Home.Path), "dag", what.DAGID, "run", what.RunID, "task", what.TaskID, "try", what.Try, "pid", what.Leader)
		return false, removeNote(path)
	}
	if what.Machine == machineStart() && lives(what.Owner) {
		return false, nil
	}
	if what.Machine != "" && what.Machine == machineStart() {
		k := kin{mark: what.Mark, leader: what.Leader, group: leftCgroup(what.Cgroup)}
		if now := startedAt(what.Leader); now != "" && now != what.Started {
			k.leader = 0 // somebody else has its number now
		}
		if k.alive() {
			log.InfoContext(ctx, "ending what a process that was killed left running",
				"dag", what.DAGID, "run", what.RunID, "task", what.TaskID, "try", what.Try, "pid", what.Leader)
			k.end(killGrace)
		}
		k.group.remove()
	}
	if strings.HasPrefix(filepath.Base(what.Dir), TempPrefix) {
		if err := os.RemoveAll(what.Dir); err != nil {
			return true, fmt.Errorf("remove the temporary folder of a process that was killed: %w", err)
		}
	}
	return true, removeNote(path)
}

// removeNote removes a note that somebody else may have removed.
func removeNote(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// readNote reads a note. The last line may be cut off where the process was killed.
func readNote(path string) (noted, error) {
	var what noted
	text, err := os.ReadFile(path) //nolint:gosec // below the folder that the caller names
	if err != nil {
		return what, err
	}
	for line := range bytes.Lines(text) {
		if json.Valid(line) {
			if err := json.Unmarshal(line, &what); err != nil {
				return what, fmt.Errorf("read %s: %w", path, err)
			}
		}
	}
	return what, nil
}
