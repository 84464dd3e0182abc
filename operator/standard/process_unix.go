//go:build unix

package standard

import (
	"os/exec"
	"syscall"
)

// lead makes cmd the leader of a new process group.
func lead(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// The errors of these signals say that the group is gone, which is what they are for.

func terminate(group int) { _ = syscall.Kill(-group, syscall.SIGTERM) }
func kill(group int)      { _ = syscall.Kill(-group, syscall.SIGKILL) }

// alive reports whether a process of the group is left.
func alive(group int) bool { return syscall.Kill(-group, 0) == nil }
