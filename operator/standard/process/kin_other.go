//go:build !unix

package process

import (
	"os"
	"os/exec"
)

// Without process groups only the process itself can be ended.

func (k *kin) lead(*exec.Cmd) {}

func (k *kin) terminate() { k.kill() }

func (k *kin) kill() {
	if p, err := os.FindProcess(k.leader); err == nil {
		_ = p.Kill() // it is gone already
	}
}

func (k *kin) alive() bool { return false }

// alive reports whether a process has not ended yet. Here one that has cannot be told from
// one that has not.
func alive(*os.Process) bool { return true }
