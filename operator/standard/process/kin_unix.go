//go:build unix && !linux

package process

import (
	"os"
	"os/exec"
	"syscall"
)

// Beside Linux only the process group can be found.

func (k *kin) lead(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// The errors of these signals say that the group is gone, which is what they are for.

func (k *kin) terminate() { k.signal(syscall.SIGTERM) }
func (k *kin) kill()      { k.signal(syscall.SIGKILL) }

func (k *kin) alive() bool { return k.leader > 0 && syscall.Kill(-k.leader, 0) == nil }

func (k *kin) signal(s syscall.Signal) {
	if k.leader > 0 {
		_ = syscall.Kill(-k.leader, s)
	}
}

// alive reports whether a process has not ended yet. Here one that has cannot be told from
// one that has not.
func alive(*os.Process) bool { return true }
