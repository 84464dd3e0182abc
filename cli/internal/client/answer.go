package client

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/dingdag/dingdag/cli/internal/command"
	"github.com/dingdag/dingdag/cli/internal/remote"
	"github.com/dingdag/dingdag/cli/internal/show"
)

// answer answers what the server asks, one after another, until there are no more questions. The end of ctx ends a question,
// whose answer says so: life is that of the connection, which a write ends whose context does.
func (c *session) answer(ctx, life context.Context, questions <-chan remote.Message, over context.CancelCauseFunc) {
	in := bufio.NewReaderSize(c.o.IO.In, remote.Chunk)
	for q := range questions {
		text, more := q.Data, q.More
		for more { // the text of a file comes in pieces
			next, ok := <-questions
			if !ok {
				return
			}
			if next.ID != q.ID || len(text)+len(next.Data) > show.MaxFile {
				over(errors.New("the server sends more than a file"))
				return
			}
			text, more = append(text, next.Data...), next.More
		}
		a := remote.Message{Type: remote.Answer, ID: q.ID}
		data, err := c.reply(ctx, in, q, text, &a)
		if err != nil {
			a.Error, data = command.WithoutOp(err).Error(), nil
		}
		for _, m := range remote.Pieces(a, data) {
			if remote.Send(life, c.conn, m) != nil {
				return // which the reader notices
			}
		}
	}
}

// reply does what the server asks for. Files are touched only as the command does that, and by the names that were typed.
func (c *session) reply(ctx context.Context, in *bufio.Reader, q remote.Message, text []byte, a *remote.Message) ([]byte, error) {
	typed := slices.Contains(c.o.Names, q.Name)
	disk := show.Local{IO: c.o.IO}
	switch {
	case q.Type == remote.AskInput:
		_, err := in.Peek(1)
		if errors.Is(err, io.EOF) {
			a.End, err = true, nil
		}
		b, _ := in.Peek(in.Buffered()) // which is there
		data := slices.Clone(b)
		_, derr := in.Discard(len(data))
		return data, errors.Join(err, derr)
	case q.Type == remote.AskLine:
		f, ok := c.o.IO.In.(*os.File)
		if !ok || !show.IsTerminal(f) {
			return nil, errors.New("there is no terminal to read it from")
		}
		c.hidden.Add(1)
		defer c.hidden.Done()
		return show.ReadPassword(ctx, int(f.Fd()))
	case q.Type == remote.AskRead && c.o.Reads && typed:
		return disk.Read(ctx, q.Name)
	case q.Type == remote.AskWrite && c.o.Writes && typed:
		return nil, disk.Write(ctx, q.Name, text)
	case q.Type == remote.AskEdit && c.o.Edits && c.edit == nil && q.Name == editName:
		e, err := disk.Edit(ctx, q.Name, text)
		if err != nil {
			return nil, err
		}
		c.edit, a.Name = e, e.Path()
		return nil, nil
	case q.Type == remote.AskOpen && c.edit != nil:
		data, err := c.edit.Open(ctx)
		a.Name = c.edit.Path()
		return data, err
	case q.Type == remote.AskDiscard && c.edit != nil:
		err := c.edit.Discard(ctx)
		c.edit = nil
		return nil, err
	default:
		return nil, fmt.Errorf("the server asks for what the command line does not name (%s %q): refused", q.Type, q.Name)
	}
}

// editName is the name of the file in which a connection is edited.
const editName = "connection.yaml"
