package standard

import (
	"context"
	"os"
	"os/exec"
	"sync"
	"time"
)

// run starts cmd as the leader of a process group, copies what the group prints to out
// and waits for the leader and for everybody who holds its output open. When ctx is
// done first, the group gets SIGTERM and, after grace, SIGKILL; then the error is never
// nil, though the leader may have ended well before.
func run(ctx context.Context, cmd *exec.Cmd, out *output, grace time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	streams, err := attach(cmd, out)
	if err != nil {
		return err
	}
	lead(cmd)
	err = cmd.Start()
	streams.closeWriters() // the children have their own
	if err != nil {
		streams.closeReaders()
		return err
	}
	finished, ended := make(chan struct{}), make(chan struct{})
	stopped := false
	disarm := context.AfterFunc(ctx, func() {
		defer close(ended)
		select {
		case <-finished:
			return
		default:
			stopped = true
		}
		end(cmd.Process.Pid, grace)
		// Somebody who left the group may still hold the output.
		select {
		case <-finished:
		case <-time.After(time.Second):
			streams.closeReaders()
		}
	})
	var reading sync.WaitGroup
	for _, s := range streams {
		reading.Go(func() { s.lines.copy(s.reader) })
	}
	err = cmd.Wait()
	reading.Wait()
	close(finished)
	if !disarm() {
		<-ended
	}
	streams.closeReaders()
	if stopped && err == nil {
		return context.Cause(ctx)
	}
	return err
}

// end stops a process group: SIGTERM, then SIGKILL for those who are left after grace.
func end(pid int, grace time.Duration) {
	const pollEvery = 10 * time.Millisecond
	terminate(pid)
	deadline := time.NewTimer(grace)
	defer deadline.Stop()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for alive(pid) {
		select {
		case <-deadline.C:
			kill(pid)
			return
		case <-poll.C:
		}
	}
}

// stream is the pipe of one output of a command.
type stream struct {
	reader, writer *os.File
	lines          *lineReader
}

type streams []stream

// attach gives cmd pipes for its outputs. Files of our own, unlike the pipes of os/exec,
// leave the waiting for the readers to us.
func attach(cmd *exec.Cmd, out *output) (streams, error) {
	stdoutReader, stdoutWriter, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	stdout := stream{reader: stdoutReader, writer: stdoutWriter, lines: out.reader(true)}
	stderrReader, stderrWriter, err := os.Pipe()
	if err != nil {
		streams{stdout}.closeWriters()
		streams{stdout}.closeReaders()
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = stdoutWriter, stderrWriter
	return streams{stdout, {reader: stderrReader, writer: stderrWriter, lines: out.reader(false)}}, nil
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
