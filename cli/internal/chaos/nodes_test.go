//go:build linux

package chaos

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli/internal/processtest"
)

// buildProgram builds the program with one change: its clock, which starts in one place, is off by $CHAOS_CLOCK.
func buildProgram(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	require.NoError(t, err)
	main := filepath.Join(root, "cli", "main.go")
	source, err := os.ReadFile(main)
	require.NoError(t, err)
	const clock = "func clock() time.Time { return time.Now() }"
	require.Equal(t, 1, strings.Count(string(source), clock), "the clock of the program starts elsewhere")
	changed := strings.Replace(string(source), clock, `var clockIsOff, _ = time.ParseDuration(os.Getenv("CHAOS_CLOCK"))

func clock() time.Time { return time.Now().Add(clockIsOff) }`, 1)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(changed), 0o600))
	overlay := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(overlay, fmt.Appendf(nil, `{"Replace": {%q: %q}}`, main, filepath.Join(dir, "main.go")), 0o600))
	program := filepath.Join(dir, "dingdag")
	cmd := exec.Command("go", "build", "-trimpath", "-overlay", overlay, "-o", program, "./cmd/runner")
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return program
}

// node is a machine with one process.
type node struct {
	name    string
	program string
	args    []string
	env     []string
	place   *namespace
	toStore *processtest.Relay
	ledger  *ledger
	// fails is told of what must not be.
	fails func(format string, args ...any)

	// troubled is held while something is wrong.
	troubled sync.Mutex

	log processtest.Log
	mu  sync.Mutex
	cmd *exec.Cmd
	// ended is closed when the process has ended, and wanted says that it is told to.
	ended  chan struct{}
	wanted bool
	starts int
}

// start starts the program.
func (n *node) start() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.starts++
	cmd := n.place.command(n.program, n.args...)
	cmd.Env = n.env
	fmt.Fprintf(&n.log, "--- start %d of %s\n", n.starts, n.name)
	cmd.Stdout, cmd.Stderr = &n.log, &n.log
	cmd.WaitDelay = 100 * time.Millisecond // what its tasks left may hold its log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", n.name, err)
	}
	ended := make(chan struct{})
	n.cmd, n.ended, n.wanted = cmd, ended, false
	go func() {
		err := cmd.Wait()
		n.mu.Lock()
		wanted := n.wanted
		n.mu.Unlock()
		if !wanted {
			n.fails("%s ended by itself: %v", n.name, err)
		}
		fmt.Fprintf(&n.log, "--- ended: %v\n", err)
		close(ended)
	}()
	return nil
}

// signal sends a signal to the program.
func (n *node) signal(sig syscall.Signal) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cmd.Process.Signal(sig)
}

// signalAll sends a signal to all processes of the machine. The program may have been started a moment ago, and not be there yet.
func (n *node) signalAll(sig syscall.Signal) error {
	err := n.signal(sig)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	return errors.Join(err, n.place.signal(sig))
}

// end has the program end in some way, and waits until it has.
func (n *node) end(by func() error) error {
	n.mu.Lock()
	n.wanted = true
	ended := n.ended
	n.mu.Unlock()
	err := by()
	if errors.Is(err, os.ErrProcessDone) { // by itself, which is told of
		err = nil
	}
	select {
	case <-ended:
	case <-time.After(time.Minute):
		err = errors.Join(err, n.signal(syscall.SIGQUIT)) // its log shows where it hangs
		<-ended
		return errors.Join(err, fmt.Errorf("%s did not end within a minute", n.name))
	}
	return err
}

// suffer has something go wrong with the node, until it is over.
func (n *node) suffer(ctx context.Context, f fault) error {
	n.troubled.Lock()
	defer n.troubled.Unlock()
	if ctx.Err() != nil {
		return nil
	}
	fmt.Fprintf(&n.log, "--- %s for %s\n", f.kind, f.lasts)
	if err := n.ledger.write(goesWrong, n.name, string(f.kind)); err != nil {
		return err
	}
	begin, end := n.effects(f.kind)
	err := begin()
	if slices.Contains([]kind{crash, kill, stop}, f.kind) {
		err = errors.Join(err, n.ledger.write(dead, n.name, string(f.kind)))
	}
	select {
	case <-time.After(f.lasts):
	case <-ctx.Done():
	}
	if err := errors.Join(err, end()); err != nil {
		return fmt.Errorf("%s: %w", f, err)
	}
	fmt.Fprintf(&n.log, "--- %s is over\n", f.kind)
	return n.ledger.write(goesRight, n.name, string(f.kind))
}

// effects are what a fault does at its beginning, and at its end.
func (n *node) effects(k kind) (begin, end func() error) {
	send := func(sig syscall.Signal) func() error { return func() error { return n.signal(sig) } }
	all := func(sig syscall.Signal) func() error { return func() error { return n.signalAll(sig) } }
	line := func(change func()) func() error { return func() error { change(); return nil } }
	restored := line(n.toStore.Restore)
	switch k {
	case crash:
		return func() error { return n.end(all(syscall.SIGKILL)) }, n.start
	case kill:
		return func() error { return n.end(send(syscall.SIGKILL)) }, n.start
	case stop:
		return func() error { return n.end(send(syscall.SIGTERM)) }, n.start
	case freeze:
		return send(syscall.SIGSTOP), send(syscall.SIGCONT)
	case sleep:
		return all(syscall.SIGSTOP), all(syscall.SIGCONT)
	case refuse:
		return line(n.toStore.Refuse), restored
	case delay:
		return line(func() { n.toStore.Delay(150 * time.Millisecond) }), line(func() { n.toStore.Delay(0) })
	case swallow:
		return line(n.toStore.Swallow), restored
	case deafen:
		return line(n.toStore.Deafen), restored
	case unplug:
		return func() error { return n.place.plug(false) }, func() error { return n.place.plug(true) }
	default:
		none := func() error { return fmt.Errorf("a node cannot have a %s", k) }
		return none, none
	}
}

// newNode makes a machine that reaches the database and the sandbox, each by a relay of its own.
func newNode(t *testing.T, name, database, sandbox string) *node {
	t.Helper()
	n := &node{name: name, place: newNamespace(t), fails: t.Errorf}
	l := n.place.listen(t)
	n.toStore = processtest.NewRelay(t, l, database)
	n.env = append(n.env, "STORE="+l.Addr().String())
	l = n.place.listen(t)
	processtest.NewRelay(t, l, sandbox)
	n.env = append(n.env, "SANDBOX="+l.Addr().String())
	t.Cleanup(func() {
		n.mu.Lock()
		started, ended := n.cmd != nil, n.ended
		n.wanted = true
		n.mu.Unlock()
		if started {
			assert.NoError(t, n.signalAll(syscall.SIGKILL))
			<-ended
		}
	})
	return n
}

// A machine reaches the host by its own line, and nothing else; each fault of the line does what it says.
func TestNode(t *testing.T) {
	t.Parallel()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var serving sync.WaitGroup
	t.Cleanup(func() {
		assert.NoError(t, server.Close())
		serving.Wait()
	})
	serving.Go(func() {
		for {
			c, err := server.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("hello\n")) // who does not hear it says so
			_ = c.Close()
		}
	})
	n := newNode(t, "n1", server.Addr().String(), server.Addr().String())
	hear := func() string {
		address := strings.Replace(strings.TrimPrefix(n.env[0], "STORE="), ":", "/", 1)
		cmd := n.place.command("timeout", "0.4", "bash", "-c", "cat </dev/tcp/"+address)
		out, _ := cmd.CombinedOutput() // an error is that it heard nothing
		return string(out)
	}
	hears := func(after string) {
		require.Eventually(t, func() bool { return hear() == "hello\n" }, time.Minute, time.Millisecond, after)
	}
	hears("the beginning")
	cmd := n.place.command("bash", "-c", "echo </dev/tcp/"+strings.Replace(server.Addr().String(), ":", "/", 1))
	assert.Error(t, cmd.Run(), "it does not reach what listens for the host")
	for _, k := range []kind{refuse, swallow, deafen, unplug} {
		begin, end := n.effects(k)
		require.NoError(t, begin())
		assert.NotContains(t, hear(), "hello", k)
		require.NoError(t, end())
		hears(string(k))
	}
	n.program, n.args = "sleep", []string{"1000"}
	require.NoError(t, n.start())
	begin, end := n.effects(crash)
	for range 20 { // also while it starts
		require.NoError(t, begin())
		require.NoError(t, end())
	}
	assert.Equal(t, 21, n.starts)
}
