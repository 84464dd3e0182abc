package app

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dingdag/dingdag/operator/standard/process"
)

// NoteTest notes the folder of a test and returns the folder for notes about its commands,
// so that the next standalone on the home folder cleans up after a test that was killed. A
// test goes on where there can be none, and then the folder is "". A home folder that was
// not there is gone again when the test ends.
func (a *App) NoteTest(dir string) (folder string, over func()) {
	_, err := os.Stat(a.Settings.Home)
	made := errors.Is(err, fs.ErrNotExist)
	forget, err := process.NoteFolder(a.ProcessDir(), dir, a.Log())
	if err != nil {
		a.Log().Debug("what this test leaves running when it is killed will not be ended", "error", err)
		return "", func() {}
	}
	return a.ProcessDir(), func() {
		forget()
		if made && os.Remove(a.ProcessDir()) == nil { // neither goes when somebody else uses it meanwhile
			_ = os.Remove(a.Settings.Home)
		}
	}
}

// ProcessDir is where the commands of tasks are noted.
func (a *App) ProcessDir() string { return filepath.Join(a.Settings.Home, "processes") }

// EndLeftovers ends what killed processes left running. Somebody whose start is refused,
// because the home is in use or its key is missing, has nothing to end.
func (a *App) EndLeftovers(ctx context.Context) {
	if _, err := process.EndLeftovers(ctx, a.ProcessDir(), a.Log()); err != nil {
		a.Log().Error("not all is gone that an earlier process left running", "error", err) // and no reason to do nothing
	}
}
