// Package remote is how commands run on a server for somebody on another machine: the messages of both ends, and the handler of
// the server. The command writes, asks and reads there as it would at home; what it writes comes as it is written.
package remote

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/coder/websocket"

	"github.com/dingdag/dingdag/cli/internal/show"
)

// Path is where a server takes commands, below its base.
const Path = "/api/dingdag/commands"

// Protocol is the number of the language of both ends. A server refuses another one.
const Protocol = 1

const (
	// Chunk is how much of a text one message has at most, in bytes.
	Chunk = 32 << 10
	// MaxArgs is how long all arguments of a command may be together, in bytes.
	MaxArgs = 256 << 10
	// maxMessage is how long a message may be: that of the arguments, with their quotes.
	maxMessage = 2 << 20
)

// The types of messages. The client begins with a [Request]; the server answers with a hello, and then each says what it has to.
const (
	// Hello has the version of the server in Name.
	Hello = "hello"
	// Stdout is output of the command, in Data.
	Stdout = "stdout"
	// Stderr is what it writes to standard error.
	Stderr = "stderr"
	// Exit ends the command with the exit code Code.
	Exit = "exit"

	// Answer is what the client answers to the ID of a question: Data, with More where another message follows, or Error. End says
	// that the input has ended. Name is the path of an edit.
	Answer = "answer"
	// Cancel asks for the end of the command, as Ctrl-C does.
	Cancel = "cancel"
	// Resize has the width of the terminal in Code.
	Resize = "resize"
)

// The questions of the server. Each has an ID, and there is one at a time.
const (
	// AskInput asks for what comes on standard input.
	AskInput = "stdin"
	// AskLine asks for a line of the terminal that is not shown.
	AskLine = "hidden_line"
	// AskRead asks for the file Name, as it was typed.
	AskRead = "read"
	// AskWrite asks to write Data to the file Name, with More where another message follows.
	AskWrite = "write"
	// AskEdit asks for a file Name of its own with Data in it, which an editor can open.
	AskEdit = "edit"
	// AskOpen asks for the editor, and for what it leaves.
	AskOpen = "open"
	// AskDiscard asks to remove that file.
	AskDiscard = "discard"
)

// Message is one message of either end.
type Message struct {
	Type  string `json:"type"`
	ID    int    `json:"id,omitempty"`
	Data  []byte `json:"data,omitempty"`
	More  bool   `json:"more,omitempty"`
	End   bool   `json:"end,omitempty"`
	Name  string `json:"name,omitempty"`
	Error string `json:"error,omitempty"`
	Code  int    `json:"code,omitempty"`
}

// Request is the command that somebody calls.
type Request struct {
	Protocol int    `json:"protocol"`
	Version  string `json:"version"`
	// Args are the words of the command and its arguments, without the name of the program.
	Args []string `json:"args"`
	// In, Out and Err are what is at the ends of the client.
	In  show.Console `json:"in"`
	Out show.Console `json:"out"`
	Err show.Console `json:"err"`
	// Timezone is the zone in which times are shown, of the environment of the client; empty for that of the server.
	Timezone string `json:"timezone,omitempty"`
	// Server is the URL that was typed on the command line, for the commands that are proposed; empty where it was not.
	Server string `json:"server,omitempty"`
}

// Send sends a value as a message.
func Send(ctx context.Context, c *websocket.Conn, value any) error {
	b, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return c.Write(ctx, websocket.MessageText, b)
}

// strangeError says that what came is no message of this protocol, with the status by which WebSocket tells that.
type strangeError struct {
	status websocket.StatusCode
	text   string // at most 123 bytes, which is what a close takes
}

func (e *strangeError) Error() string { return e.text }

// dismiss closes a connection, and says why where the other end has sent what is no message.
func dismiss(c *websocket.Conn, err error) {
	if strange, ok := errors.AsType[*strangeError](err); ok {
		_ = c.Close(strange.status, strange.text) // whoever does not take it is gone
	}
}

// Dismissed is why the other end has closed a connection; empty where it did not say so.
func Dismissed(err error) string {
	closed, ok := errors.AsType[websocket.CloseError](err)
	if !ok || closed.Code == websocket.StatusNormalClosure {
		return ""
	}
	return closed.Reason
}

// Receive reads the next message into a value.
func Receive(ctx context.Context, c *websocket.Conn, value any) error {
	kind, b, err := c.Read(ctx)
	if err != nil {
		return err
	}
	if kind != websocket.MessageText {
		return &strangeError{websocket.StatusUnsupportedData, "a message must be JSON as text, and one was binary"}
	}
	if err := json.Unmarshal(b, value); err != nil {
		return &strangeError{websocket.StatusInvalidFramePayloadData, "a message must be a JSON object of the protocol of commands, and one was none"}
	}
	return nil
}

// Bound sets how long the messages that a connection receives may be.
func Bound(c *websocket.Conn) { c.SetReadLimit(maxMessage) }

// Pieces are the messages of a text, each like m; one for an empty text.
func Pieces(m Message, text []byte) []Message {
	var all []Message
	for {
		n := min(len(text), Chunk)
		m.Data, m.More = text[:n], n < len(text)
		all = append(all, m)
		if text = text[n:]; len(text) == 0 {
			return all
		}
	}
}
