package process

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// lead makes cmd the leader of a new process group, in the cgroup when there is one.
func (k *kin) lead(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if fd, ok := k.group.open(k.mark); ok {
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, fd
	}
}

// The errors of the signals below say that somebody is gone, which is what they are for.

func (k *kin) terminate() {
	for _, pid := range k.members() {
		_ = syscall.Kill(pid, syscall.SIGTERM)
	}
}

func (k *kin) kill() {
	k.group.kill()
	for _, pid := range k.members() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

func (k *kin) alive() bool { return len(k.members()) > 0 }

// process is what /proc tells of one.
type process struct {
	pid, parent, group int
	started            string // in clock ticks since the machine has started
}

// members looks through /proc. Those that have ended and wait for their parent do not count.
func (k *kin) members() []int {
	in := map[int]bool{}
	for _, pid := range k.group.members() {
		in[pid] = true
	}
	var others []process
	for _, p := range processes() {
		switch {
		case k.leader > 0 && p.group == k.leader || k.mark != "" && marked(p.pid, k.mark):
			in[p.pid] = true
		default:
			others = append(others, p)
		}
	}
	for grown := len(in) > 0; grown; { // children of children
		grown = false
		for _, p := range others {
			if in[p.parent] && !in[p.pid] {
				in[p.pid], grown = true, true
			}
		}
	}
	own := os.Getpid()
	var pids []int
	for pid := range in {
		if pid > 1 && pid != own {
			pids = append(pids, pid)
		}
	}
	return pids
}

// processes are all that live, but zombies.
func processes() []process {
	names, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var all []process
	for _, name := range names {
		pid, err := strconv.Atoi(name.Name())
		if err != nil {
			continue
		}
		if p, ok := processOf(pid); ok {
			all = append(all, p)
		}
	}
	return all
}

// processOf reads one process; not ok is one that is not there or a zombie.
func processOf(pid int) (process, bool) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return process{}, false
	}
	// The name, in parentheses, may hold anything.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	const state, parent, group, started = 0, 1, 2, 19
	if len(fields) <= started || fields[state] == "Z" || fields[state] == "X" {
		return process{}, false
	}
	p := process{pid: pid, started: fields[started]}
	p.parent, _ = strconv.Atoi(fields[parent]) // the kernel writes numbers
	p.group, _ = strconv.Atoi(fields[group])
	return p, true
}

// marked reports whether a process, which may be somebody else's, began with the mark.
func marked(pid int, mark string) bool {
	environ, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
	if err != nil {
		return false
	}
	entry := []byte(markEnv + "=" + mark)
	for part := range bytes.SplitSeq(environ, []byte{0}) {
		if bytes.Equal(part, entry) {
			return true
		}
	}
	return false
}

// startedAt tells a process from another one that gets its number later.
func startedAt(pid int) string {
	p, _ := processOf(pid)
	return p.started
}

// lives reports whether a process of this start of the machine has not ended yet.
func lives(o owner) bool {
	p, ok := processOf(o.PID)
	return ok && p.started == o.Started
}

// machineStart tells one start of the machine from the next.
var machineStart = sync.OnceValue(func() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
})

// alive reports whether a process has not ended yet.
func alive(p *os.Process) bool {
	_, lives := processOf(p.Pid)
	return lives
}
