//go:build linux

package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a killed process left running is ended by the next one before it begins anything,
// also what has left the process group, and its temporary folder is gone.
func TestKillLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	home := homeWith(t, `
left:
  schedule: null
  start_date: 2026-01-01
  tasks:
    - task_id: t
      operator: bash
      bash_command: |
        if test -e "$OUT/again"; then exit 0; fi
        touch "$OUT/again"
        setsid sleep 1000 &
        echo $! > "$OUT/pids.new"; echo $$ >> "$OUT/pids.new"; pwd > "$OUT/folder"; mv "$OUT/pids.new" "$OUT/pids"
        sleep 1000
`)
	out := t.TempDir()
	p := scheduling(t, home, "OUT="+out)
	code, _, errs := run(t, "--home", home, "dags", "trigger", "left", "--run-id", "r")
	require.Zero(t, code, errs)
	p.until("begin the task", func() bool { _, err := os.Stat(filepath.Join(out, "pids")); return err == nil })
	p.kill(0)
	pids, err := os.ReadFile(filepath.Join(out, "pids"))
	require.NoError(t, err)
	lives := func() (n int) {
		for pid := range strings.FieldsSeq(string(pids)) {
			if stat, err := os.ReadFile(filepath.Join("/proc", pid, "stat")); err == nil && !strings.Contains(string(stat), ") Z ") {
				n++
			}
		}
		return n
	}
	require.Equal(t, 2, lives(), "a kill ends no children")
	folder, err := os.ReadFile(filepath.Join(out, "folder"))
	require.NoError(t, err)
	require.DirExists(t, strings.TrimSpace(string(folder)))

	p = scheduling(t, home, "OUT="+out)
	assert.Zero(t, lives())
	assert.NoDirExists(t, strings.TrimSpace(string(folder)))
	assert.Contains(t, p.log.String(), "ending what a process that was killed left running")
	p.until("run the task again", func() bool { return strings.Contains(p.log.String(), "run succeeded") })
	p.stop()
	notes, err := os.ReadDir(filepath.Join(home, "processes"))
	require.NoError(t, err)
	assert.Empty(t, notes)
}
