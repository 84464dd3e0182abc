// Package chat serves the calls about the chat, which Airflow has not: which conversations are told of which DAGs, and what came
// from DingTalk and what came of it.
package chat

import (
	"context"
	"net/http"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api/bindings"
	"github.com/dingdag/dingdag/api/chatlog"
	"github.com/dingdag/dingdag/web/rest"
)

// Options are what the calls ask. All are required.
type Options struct {
	// Bindings are those of whoever is in a context.
	Bindings func(context.Context) *bindings.Bindings
	// Log lists what came from the chat, newest first.
	Log func(context.Context, chatlog.Query) ([]chatlog.Entry, error)
	// Mask hides secrets in what people wrote and were answered.
	Mask func(string) string
}

// calls are what the calls ask.
type calls struct{ o Options }

// Routes adds the calls. A conversation may be told of any DAG, so that nobody who is limited to some has them.
func Routes(s *rest.Server, o Options) {
	c := &calls{o}
	op := func(id, method, path, summary string) rest.Operation {
		return rest.Operation{ID: id, Method: method, Path: path, Tag: "Chat", Summary: summary, Whole: true}
	}
	rest.Register(s, op("get_bindings", http.MethodGet, "/bindings", "Which conversations are told of which DAGs"), c.bindings)
	end := op("delete_binding", http.MethodDelete, "/bindings/{binding_id}", "Have a conversation told no more")
	end.Action, end.Status = access.Configure, http.StatusNoContent
	rest.Register(s, end, c.end)
	rest.Register(s, op("get_chat_log", http.MethodGet, "/chatLog", "What came from the chat, and what came of it"), c.log)
}

// Binding says that a conversation is told of some DAGs.
type Binding struct {
	BindingID          int64     `json:"binding_id"`
	ConnID             string    `json:"conn_id"`
	OpenConversationID string    `json:"open_conversation_id"`
	Title              string    `json:"title"`
	IsGroup            bool      `json:"is_group"`
	UserID             *string   `json:"user_id" doc:"The person of a conversation that is no group."`
	What               string    `json:"what" doc:"A DAG id, owner:NAME, tag:NAME or *."`
	MadeBy             string    `json:"made_by"`
	MadeAt             rest.Time `json:"made_at"`
}

// BindingCollection is a page of them.
type BindingCollection struct {
	Bindings     []Binding `json:"bindings"`
	TotalEntries int       `json:"total_entries"`
}

// bindingKeys are what they are ordered by.
var bindingKeys = map[string]func(Binding) any{ //nolint:gochecknoglobals // a table
	"binding_id": func(b Binding) any { return int(b.BindingID) }, "conn_id": func(b Binding) any { return b.ConnID },
	"title": func(b Binding) any { return b.Title }, "what": func(b Binding) any { return b.What },
}

func (c *calls) bindings(ctx context.Context, in *struct {
	rest.Page

	ConnID string     `query:"conn_id"`
	What   string     `query:"what" doc:"A DAG id, owner:NAME, tag:NAME or *, word for word."`
	Order  rest.Order `query:"order_by" order:"binding_id,conn_id,title,what" default:"binding_id"`
},
) (*BindingCollection, error) {
	all, err := c.o.Bindings(ctx).List(ctx)
	if err != nil {
		return nil, err
	}
	found := []Binding{}
	for _, b := range all {
		if (in.ConnID == "" || in.ConnID == b.ConnID) && (in.What == "" || in.What == b.What) {
			found = append(found, Binding{b.ID, b.ConnID, b.ConversationID, b.Title, b.Group, rest.Some(b.UserID), b.What, b.MadeBy, rest.At(b.MadeAt)})
		}
	}
	rest.Sort(found, in.Order, bindingKeys)
	return &BindingCollection{rest.Cut(in.Page, found), len(found)}, nil
}

func (c *calls) end(ctx context.Context, in *struct {
	ID int64 `path:"binding_id"`
},
) (*struct{}, error) {
	ended, err := c.o.Bindings(ctx).Unbind(ctx, func(b bindings.Binding) bool { return b.ID == in.ID })
	if err == nil && len(ended) == 0 {
		err = rest.NotFound("no binding %d: bindings has those that there are", in.ID)
	}
	return nil, err
}

// Entry is something that came from the chat.
type Entry struct {
	EntryID        int64      `json:"entry_id"`
	When           rest.Time  `json:"when"`
	ConnID         string     `json:"conn_id"`
	Kind           string     `json:"kind" enum:"message,press,event"`
	ConversationID string     `json:"conversation_id"`
	Conversation   string     `json:"conversation" doc:"The title of a group or the name of the person, and the id where neither is known."`
	UserID         *string    `json:"user_id" doc:"Null for somebody from outside the organisation and for events."`
	Nick           string     `json:"nick"`
	Text           string     `json:"text"`
	State          string     `json:"state" enum:"waiting,working,answered,refused,failed"`
	Answer         *string    `json:"answer"`
	AnswerState    *string    `json:"answer_state"`
	DoneAt         *rest.Time `json:"done_at"`
	Seconds        *float64   `json:"seconds" doc:"From its coming to its end."`
	Attempts       int        `json:"attempts"`
	Error          *string    `json:"error"`
}

// LogCollection is a page of them, newest first.
type LogCollection struct {
	Entries      []Entry `json:"entries"`
	TotalEntries int     `json:"total_entries"`
}

// mostListed is how many entries there are on all pages.
const mostListed = 1000

func (c *calls) log(ctx context.Context, in *struct {
	rest.Page

	ConnID         string      `query:"conn_id"`
	ConversationID string      `query:"conversation_id"`
	UserID         string      `query:"user_id"`
	Kind           rest.Filter `query:"kind" enum:"message,press,event"`
	State          rest.Filter `query:"state" enum:"waiting,working,answered,refused,failed"`
	Since          *rest.Time  `query:"since" doc:"What came at or after this moment."`
	Until          *rest.Time  `query:"until" doc:"What came before this moment. Of all that is selected the newest 1000 are listed."`
},
) (*LogCollection, error) {
	all, err := c.o.Log(ctx, chatlog.Query{
		ConnID: in.ConnID, ConversationID: in.ConversationID, UserID: in.UserID, Kinds: in.Kind, States: in.State, Since: rest.OrZero(in.Since), Until: rest.OrZero(in.Until), Limit: mostListed,
	})
	if err != nil {
		return nil, err
	}
	out := &LogCollection{Entries: []Entry{}, TotalEntries: len(all)}
	for _, e := range rest.Cut(in.Page, all) {
		out.Entries = append(out.Entries, Entry{
			e.ID, rest.At(e.When), e.Conn, string(e.Kind), e.ConversationID, e.Conversation, rest.Some(e.UserID), e.Nick, c.o.Mask(e.Text), string(e.State), rest.Some(c.o.Mask(e.Answer)),
			rest.Some(string(e.Sent)), rest.Moment(e.DoneAt), e.Seconds, e.Attempts, rest.Some(c.o.Mask(e.Error)),
		})
	}
	return out, nil
}
