//go:build linux

package chaos

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ipVariable names the program that makes networks.
const ipVariable = "DINGDAG_TEST_IP"

// namespace is a network of one machine: a line to the host, and nothing else. It ends with its last process.
type namespace struct {
	holder *exec.Cmd
	// line is the host's end of the line, and host its address there.
	line, host string
	id         string
}

// ip runs the program.
func ip(args ...string) error {
	out, err := exec.Command(os.Getenv(ipVariable), args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

func newNamespace(t *testing.T) *namespace {
	t.Helper()
	if os.Getenv(ipVariable) == "" {
		t.Skip(ipVariable + " names no program (ip, of iproute2): each process has a network of its own here")
	}
	n := &namespace{holder: exec.Command("sleep", "infinity")}
	n.holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	require.NoError(t, n.holder.Start(), "make a network namespace, which takes root")
	t.Cleanup(func() {
		assert.NoError(t, n.holder.Process.Kill())
		_ = n.holder.Wait() // it was killed
	})
	pid := strconv.Itoa(n.holder.Process.Pid)
	var err error
	n.id, err = os.Readlink(filepath.Join("/proc", pid, "ns", "net"))
	require.NoError(t, err)
	// Addresses for measurements, of which nobody else has these by chance.
	var b [4]byte
	_, err = rand.Read(b[:])
	require.NoError(t, err)
	net := binary.BigEndian.Uint32(b[:])
	address := func(n uint32) string {
		return fmt.Sprintf("198.%d.%d.%d", 18+net>>14&1, net>>6&0xff, net&0x3f<<2+n)
	}
	n.line, n.host = fmt.Sprintf("dd%x", net), address(1)
	for _, args := range [][]string{
		{"link", "add", n.line, "type", "veth", "peer", "name", "eth0", "netns", pid},
		{"address", "add", n.host + "/30", "dev", n.line},
		{"link", "set", n.line, "up"},
	} {
		require.NoError(t, ip(args...))
	}
	for _, args := range [][]string{
		{"address", "add", address(2) + "/30", "dev", "eth0"},
		{"link", "set", "eth0", "up"},
		{"link", "set", "lo", "up"},
	} {
		cmd := n.command(os.Getenv(ipVariable), args...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s: %s", cmd, out)
	}
	return n
}

// command is one that runs there, and ends with the test.
func (n *namespace) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command("nsenter", append([]string{fmt.Sprintf("--net=/proc/%d/ns/net", n.holder.Process.Pid), program}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// plug takes the network from the machine, or gives it back.
func (n *namespace) plug(in bool) error {
	state := "down"
	if in {
		state = "up"
	}
	return ip("link", "set", n.line, state)
}

// signal sends a signal to all processes of the machine, until there is none that has not got it.
func (n *namespace) signal(sig syscall.Signal) error {
	got := map[int]bool{n.holder.Process.Pid: true}
	for {
		all, err := os.ReadDir("/proc")
		if err != nil {
			return err
		}
		found := false
		for _, e := range all {
			pid, err := strconv.Atoi(e.Name())
			if err != nil || got[pid] {
				continue
			}
			if id, err := os.Readlink(filepath.Join("/proc", e.Name(), "ns", "net")); err != nil || id != n.id {
				continue // it has ended, or is another's
			}
			found, got[pid] = true, true
			if err := syscall.Kill(pid, sig); err != nil && err != syscall.ESRCH {
				return fmt.Errorf("signal process %d: %w", pid, err)
			}
		}
		if !found {
			return nil
		}
	}
}

// listen opens a port for the machine alone.
func (n *namespace) listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(n.host, "0"))
	require.NoError(t, err)
	return l
}
