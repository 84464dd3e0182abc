// Package process runs commands for tasks: with all who come of them, whom it ends when the task is
// stopped, and after a crash of this program.
package process

import (
	"cmp"
	"context"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"
)

// command is one run of a program.
type command struct {
	args []string
	// path is where the program lies, empty when it was not found: starting it says why.
	path string
	dir  string
	env  []string
	// mark is in the environment of all who come of it; [newMark] makes one.
	mark string
	// note remembers the leader for the time after a crash; nil remembers nothing.
	note *note
	// files are what the program has as its file descriptors from 3 on. They are closed here once it
	// has them.
	files []*os.File
	// input, read and linger are those of a [Program].
	input  []byte
	read   func(io.Reader)
	linger time.Duration
}

// StoppedError says that a command did not end by itself.
type StoppedError struct{ Cause error }

func (e StoppedError) Error() string { return e.Cause.Error() }
func (e StoppedError) Unwrap() error { return e.Cause }

// run starts the command as the leader of a process group, copies what everybody in it
// prints to out and waits for the leader and for all who hold its output open. When ctx is
// done first, the leader and its kin get SIGTERM and, after grace, SIGKILL; then the error
// is a StoppedError. A leader that had ended by then ended by itself, however late we look:
// this process may have been stopped for a while.
func run(ctx context.Context, c command, out *Output, grace time.Duration) error {
	defer c.closeFiles() // where it has not come to the start
	if ctx.Err() != nil {
		return StoppedError{context.Cause(ctx)}
	}
	streams, err := attach(out, c.read)
	if err != nil {
		return err
	}
	in, err := newInput(c.input)
	if err != nil {
		streams.closeWriters()
		streams.closeReaders()
		return err
	}
	k := &kin{mark: c.mark}
	cmd, err := k.start(func() *exec.Cmd {
		cmd := exec.Command(cmp.Or(c.path, c.args[0]), c.args[1:]...) //nolint:gosec,noctx // running commands is its purpose; we end everybody on cancel
		cmd.Args[0] = c.args[0]
		cmd.Dir, cmd.Env = c.dir, slices.Concat(c.env, []string{markEnv + "=" + c.mark})
		cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = streams[0].writer, streams[1].writer, c.files
		in.giveTo(cmd)
		return cmd
	})
	streams.closeWriters() // the children have their own
	c.closeFiles()
	in.begin(err == nil)
	if err != nil {
		streams.closeReaders()
		return err
	}
	defer k.group.remove()
	c.note.started(k)
	finished, ended := make(chan struct{}), make(chan struct{})
	stopped := false
	disarm := context.AfterFunc(ctx, func() {
		defer close(ended)
		const holds = time.Second // how long somebody may hold the output when there is no reason to
		if !alive(cmd.Process) && within(finished, holds) || within(finished, 0) {
			return
		}
		stopped = true
		k.end(grace)
		if !within(finished, holds) {
			streams.closeReaders() // somebody who could not be found still holds it
		}
	})
	var reading sync.WaitGroup
	for _, s := range streams {
		reading.Go(func() { s.read(s.reader) })
	}
	err = cmd.Wait()
	in.end()
	if c.linger > 0 {
		defer time.AfterFunc(c.linger, streams.closeReaders).Stop()
	}
	reading.Wait()
	close(finished)
	if !disarm() {
		<-ended
	}
	streams.closeReaders()
	if stopped {
		return StoppedError{context.Cause(ctx)}
	}
	return err
}

func (c *command) closeFiles() {
	for _, f := range c.files {
		_ = f.Close() // nothing was written by us; closing twice is fine
	}
}

// within reports whether a channel is closed, now or after a while.
func within(c <-chan struct{}, while time.Duration) bool {
	select {
	case <-c:
		return true
	default:
	}
	if while == 0 {
		return false
	}
	timer := time.NewTimer(while)
	defer timer.Stop()
	select {
	case <-c:
		return true
	case <-timer.C:
		return false
	}
}

// stream is the pipe of one output of a command.
type stream struct {
	reader, writer *os.File
	read           func(io.Reader)
}

type streams []stream

// attach makes pipes for standard output and standard error. Files of our own, unlike the
// pipes of os/exec, leave the waiting for the readers to us. Read takes standard output, nil has it logged.
func attach(out *Output, read func(io.Reader)) (streams, error) {
	if read == nil {
		read = out.reader(true).copy
	}
	stdoutReader, stdoutWriter, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	stdout := stream{reader: stdoutReader, writer: stdoutWriter, read: read}
	stderrReader, stderrWriter, err := os.Pipe()
	if err != nil {
		streams{stdout}.closeWriters()
		streams{stdout}.closeReaders()
		return nil, err
	}
	return streams{stdout, {reader: stderrReader, writer: stderrWriter, read: out.reader(false).copy}}, nil
}

func (ss streams) closeWriters() {
	for _, s := range ss {
		_ = s.writer.Close() // nothing was written by us
	}
}

func (ss streams) closeReaders() {
	for _, s := range ss {
		_ = s.reader.Close() // closing twice is fine: a second time only says so
	}
}
