package process

import (
	"os"
	"os/exec"
	"sync"
)

// input is the standard input of a command. Nil is none.
type input struct {
	text           []byte
	reader, writer *os.File
	writing        sync.WaitGroup
}

func newInput(text []byte) (*input, error) {
	if text == nil {
		return nil, nil
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &input{text: text, reader: reader, writer: writer}, nil
}

func (i *input) giveTo(cmd *exec.Cmd) {
	if i != nil {
		cmd.Stdin = i.reader
	}
}

// begin writes the text to a command that has started.
func (i *input) begin(started bool) {
	if i == nil {
		return
	}
	_ = i.reader.Close() // the command has its own
	if !started {
		_ = i.writer.Close() // nothing was written
		return
	}
	i.writing.Go(func() {
		_, _ = i.writer.Write(i.text) // a command may read as little as it likes
		_ = i.writer.Close()
	})
}

// end stops writing: the command has ended, whoever has its input from it.
func (i *input) end() {
	if i == nil {
		return
	}
	_ = i.writer.Close() // it is closed already when all was written
	i.writing.Wait()
}
