// Package system serves the calls about the program itself, which Airflow has not: the processes that work on the store, and what a
// sandbox beside them was sent.
package system

import (
	"context"
	"net/http"

	"github.com/dingdag/dingdag/access"
	"github.com/dingdag/dingdag/api/browse"
	"github.com/dingdag/dingdag/api/health"
	"github.com/dingdag/dingdag/api/inbox"
	"github.com/dingdag/dingdag/web/rest"
)

// calls are what the calls ask.
type calls struct {
	browse *browse.Browser
	inbox  *inbox.Inbox
}

// Routes adds the calls, and describes that of health, which another handler answers. What a sandbox was sent may be about any DAG,
// so that nobody who is limited to some sees it.
func Routes(s *rest.Server, b *browse.Browser, in *inbox.Inbox) {
	c := &calls{b, in}
	get := func(id, path, tag, summary string) rest.Operation {
		return rest.Operation{ID: id, Method: http.MethodGet, Path: path, Tag: tag, Summary: summary}
	}
	look := get("get_health", "/health", "Health", "Whether the scheduler schedules and alerts arrive; with 503 when something is wrong")
	look.Public, look.Produces = true, []string{"application/json"}
	rest.Describe[struct{}, health.Health](s, look)
	rest.Register(s, get("get_nodes", "/nodes", "Node", "The processes that work on the store, and those that did"), c.nodes)
	rest.Register(s, rest.Operation{
		ID: "patch_node", Method: http.MethodPatch, Path: "/nodes/{node_id}", Tag: "Node", Action: access.Configure, Whole: true,
		Summary: "Have a process take no more tasks, or take them again",
	}, c.drain)
	box := func(id, path, summary string) rest.Operation {
		op := get(id, path, "Sandbox", summary)
		op.Whole = true
		return op
	}
	rest.Register(s, box("get_sandbox", "/sandbox", "Where a sandbox beside the program is; 404 says how to have one"), c.sandbox)
	rest.Register(s, box("get_sandbox_messages", "/sandbox/messages", "What it was sent"), c.messages)
	rest.Register(s, box("get_sandbox_message", "/sandbox/messages/{message_id}", "One message of these"), c.message)
}

// Sandbox is the local DingTalk beside the program.
type Sandbox struct {
	URL string `json:"url" doc:"Where it is, and its own page."`
}

func (c *calls) sandbox(ctx context.Context, _ *struct{}) (*Sandbox, error) {
	at, err := c.inbox.Address(ctx)
	if err != nil {
		return nil, err
	}
	return &Sandbox{at}, nil
}

// SandboxMessages is a page of what a sandbox was sent, the newest first.
type SandboxMessages struct {
	Messages     []inbox.Message `json:"messages"`
	TotalEntries int             `json:"total_entries"`
}

func (c *calls) messages(ctx context.Context, in *struct {
	rest.Page

	Robot        string      `query:"robot"`
	Type         rest.Filter `query:"type" enum:"text,link,markdown,actionCard,feedCard,card,image,file,audio,video" doc:"One type."`
	Conversation string      `query:"conversation"`
	Text         string      `query:"text" doc:"What must occur in what people read, in any case."`
},
) (*SandboxMessages, error) {
	if len(in.Type) > 1 {
		return nil, rest.BadRequest("type: give one, not %d", len(in.Type))
	}
	q := inbox.Query{Robot: in.Robot, Conversation: in.Conversation, Text: in.Text, Limit: in.Limit, Offset: in.Offset}
	for _, t := range in.Type {
		q.Type = t
	}
	p, err := c.inbox.Messages(ctx, q)
	if err != nil {
		return nil, err
	}
	return &SandboxMessages{append([]inbox.Message{}, p.Messages...), p.Total}, nil
}

func (c *calls) message(ctx context.Context, in *struct {
	ID int `path:"message_id"`
},
) (*inbox.Message, error) {
	return c.inbox.Message(ctx, in.ID)
}
