package standard

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

	"github.com/dingdag/dingdag/operator"
)

// noteEnd ends the names of notes.
const noteEnd = ".json"

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
	// Dir is the temporary folder of the command, empty when it has none.
	Dir string `json:"dir,omitempty"`
	// Leader is the id of the first process, and Started when it began.
	Leader  int    `json:"leader,omitempty"`
	Started string `json:"started,omitempty"`
	// Cgroup is the folder of the command's control group.
	Cgroup string `json:"cgroup,omitempty"`
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
	n := &note{path: filepath.Join(tc.ProcessDir, mark+noteEnd), log: tc.Log}
	if err := os.MkdirAll(tc.ProcessDir, 0o700); err != nil {
		return nil, fmt.Errorf("note the command for the time after a crash: %w", err)
	}
	err := n.write(noted{
		DAGID: tc.DAGID, RunID: tc.RunID, TaskID: tc.TaskID, Try: tc.TryNumber, Mark: mark, Machine: machineStart(), Dir: dir,
	}, os.O_CREATE|os.O_EXCL)
	if err != nil {
		return nil, fmt.Errorf("note the command for the time after a crash: %w", err)
	}
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
// removes their temporary folders. The folder is [operator.TaskContext.ProcessDir]; nobody
// else may be working with it. It returns how many tries it cleaned up after; an error
// about one of them does not keep it from the others.
func EndLeftovers(ctx context.Context, folder string, log *slog.Logger) (int, error) {
	names, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
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
		if !strings.HasSuffix(name.Name(), noteEnd) {
			continue
		}
		n++
		all.Go(func() {
			if err := endLeftover(ctx, filepath.Join(folder, name.Name()), log); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			}
		})
	}
	all.Wait()
	return n, errors.Join(errs...)
}

func endLeftover(ctx context.Context, path string, log *slog.Logger) error {
	what, err := readNote(path)
	if err != nil {
		return err
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
	if strings.HasPrefix(filepath.Base(what.Dir), tempPrefix) {
		if err := os.RemoveAll(what.Dir); err != nil {
			return fmt.Errorf("remove the temporary folder of a command: %w", err)
		}
	}
	return os.Remove(path)
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
