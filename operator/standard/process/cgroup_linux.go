package process

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// cgroup is a control group (version 2) below ours that holds a command and everybody whom
// it starts, whatever they do to get away. The zero value has none, which is right where
// none can be made.
type cgroup struct {
	path string
	dir  *os.File
}

const cgroupPrefix = "dingdag-"

// noCgroups is set once the kernel has refused to start a process in one.
var noCgroups atomic.Bool

// ownCgroup is the folder of our own control group, "" when there is none.
var ownCgroup = sync.OnceValue(func() string {
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return ""
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	return cgroupFolder(string(own), string(mounts))
})

// cgroupFolder finds the folder of the group of version 2 that own, which is
// /proc/self/cgroup, names, among mounts, which is /proc/self/mountinfo.
func cgroupFolder(own, mounts string) string {
	group := ""
	for line := range strings.Lines(own) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			group = path
		}
	}
	if group == "" {
		return ""
	}
	for line := range strings.Lines(mounts) {
		// 36 35 98:0 /root /mount rw,noatime master:1 - type source options
		before, after, _ := strings.Cut(line, " - ")
		fields := strings.Fields(before)
		if len(fields) < 5 || !strings.HasPrefix(after, "cgroup2 ") {
			continue
		}
		rest, ok := strings.CutPrefix(group, strings.TrimSuffix(fields[3], "/"))
		if ok {
			return filepath.Join(fields[4], rest)
		}
	}
	return ""
}

// open makes the group of a mark and returns a descriptor for clone.
func (g *cgroup) open(mark string) (fd int, ok bool) {
	own := ownCgroup()
	if own == "" || noCgroups.Load() {
		return 0, false
	}
	path := filepath.Join(own, cgroupPrefix+mark)
	if err := os.Mkdir(path, 0o755); err != nil { //nolint:gosec // the rights of the control groups beside it
		noCgroups.Store(!errors.Is(err, os.ErrExist))
		return 0, false
	}
	dir, err := os.Open(path) //nolint:gosec // made a line before
	if err != nil {
		_ = os.Remove(path)
		return 0, false
	}
	g.path, g.dir = path, dir
	return int(dir.Fd()), true
}

// refused reports whether a process could not be started because of the group, and gives
// all of them up: the kernel is too old, or does not let us.
func (g *cgroup) refused(err error) bool {
	if g.path == "" {
		return false
	}
	for _, no := range []error{syscall.ENOSYS, syscall.EBUSY, syscall.EPERM, syscall.EACCES, syscall.EOPNOTSUPP, syscall.EINVAL} {
		if errors.Is(err, no) {
			noCgroups.Store(true)
			g.remove()
			return true
		}
	}
	return false
}

// members are the processes of the group and of groups below it.
func (g *cgroup) members() (pids []int) {
	if g.path == "" {
		return nil
	}
	_ = filepath.WalkDir(g.path, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return nil //nolint:nilerr // a group that is gone has no members
		}
		text, err := os.ReadFile(filepath.Join(path, "cgroup.procs")) //nolint:gosec // below our own group
		if err != nil {
			return nil //nolint:nilerr // as above
		}
		for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
			pid, err := strconv.Atoi(s.Text())
			if err != nil {
				continue
			}
			if _, lives := processOf(pid); lives {
				pids = append(pids, pid)
			}
		}
		return nil
	})
	return pids
}

// kill kills all members at once, where the kernel can (Linux 5.14).
func (g *cgroup) kill() {
	if g.path != "" {
		_ = os.WriteFile(filepath.Join(g.path, "cgroup.kill"), []byte("1"), 0) // they are killed one by one as well
	}
}

// remove removes the group. The kernel keeps one that has members: what a command left
// running on purpose.
func (g *cgroup) remove() {
	if g.path == "" {
		return
	}
	if g.dir != nil {
		_ = g.dir.Close()
	}
	// A process that has just ended may count for a moment.
	for range 5 {
		if err := os.Remove(g.path); err == nil || !errors.Is(err, syscall.EBUSY) || len(g.members()) > 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	*g = cgroup{}
}

// leftCgroup is the group that an earlier process of ours has made at a path.
func leftCgroup(path string) cgroup {
	if !strings.HasPrefix(filepath.Base(path), cgroupPrefix) {
		return cgroup{}
	}
	return cgroup{path: path}
}
