package process

import (
	"crypto/rand"
	"encoding/hex"
	"os/exec"
	"time"
)

// markEnv is the variable of the environment by which the processes of a try are found
// again. Its value is one of [newMark].
const markEnv = "_DINGDAG_TRY"

// newMark returns a text that no other try has.
func newMark() string {
	b := make([]byte, 12)
	_, _ = rand.Read(b) // it never fails
	return hex.EncodeToString(b)
}

// kin is everybody whom a command has started, as far as they can be found: the members of
// the leader's process group and, on Linux, of the command's cgroup, the processes with
// its mark in their environment, and the children of all of these.
type kin struct {
	leader int // process id; 0 when it is not known
	mark   string
	group  cgroup
}

// pollEvery is the time between two looks at who is left.
const pollEvery = 10 * time.Millisecond

// end stops them all: SIGTERM, then SIGKILL for those who are left after grace.
func (k *kin) end(grace time.Duration) {
	k.terminate()
	deadline := time.NewTimer(grace)
	defer deadline.Stop()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for k.alive() {
		select {
		case <-deadline.C:
			k.killAll()
			return
		case <-poll.C:
		}
	}
}

// killAll kills until nobody is left, as some may start others meanwhile.
func (k *kin) killAll() {
	const rounds = 100
	for range rounds {
		k.kill()
		if !k.alive() {
			return
		}
		time.Sleep(pollEvery)
	}
}

// start starts the leader, in a cgroup of its own where there can be one. Command makes
// it anew for each attempt.
func (k *kin) start(command func() *exec.Cmd) (*exec.Cmd, error) {
	cmd := command()
	k.lead(cmd)
	err := cmd.Start()
	if err != nil && k.group.refused(err) {
		cmd = command()
		k.lead(cmd)
		err = cmd.Start()
	}
	if err != nil {
		k.group.remove()
		return nil, err
	}
	k.leader = cmd.Process.Pid
	return cmd, nil
}
