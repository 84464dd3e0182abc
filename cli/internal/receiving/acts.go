package receiving

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/dingdag/dingdag/callbacks/face"
	"github.com/dingdag/dingdag/chat/card"
	"github.com/dingdag/dingdag/cli/internal/app"
	"github.com/dingdag/dingdag/cli/internal/home"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/web"
	"github.com/dingdag/dingdag/web/peer"
	"github.com/dingdag/dingdag/web/signed"
)

// Links are the pages of a home folder whose store is open, nil where people reach none. working reports whether
// the engine works, which does what they ask for.
func Links(a *app.App, s home.Store, keeper *card.Keeper, e Engine, working func() bool) (*web.Links, error) {
	signer, err := a.Signer(s)
	if err != nil || signer == nil {
		return nil, err
	}
	conns, _, err := a.Sources(s.Connections())
	if err != nil {
		return nil, err
	}
	who, err := a.ChatRoles(conns)
	if err != nil {
		return nil, err
	}
	pressed, err := a.CardPresses(s, who, keeper)
	if err != nil {
		return nil, err
	}
	return &web.Links{Signer: signer, Pages: map[string]web.Page{
		face.ActPage: acts{links: pressed, changed: refreshing(a.Log(), e), working: working},
		face.AskPage: answers{links: pressed, changed: refreshing(a.Log(), e), working: working},
	}}, nil
}

// acts are the pages of buttons.
type acts struct {
	links interface {
		See(ctx context.Context, l card.Link) (*card.Sight, error)
		Follow(ctx context.Context, l card.Link) (card.Outcome, error)
	}
	changed func(context.Context)
	working func() bool
}

func linkOf(ctx context.Context, l signed.Link) card.Link {
	id, a := face.ParseActSubject(l.Subject)
	return card.Link{OutTrackID: id, Action: a, People: l.People, Nonce: l.Nonce, Address: peer.AddressIn(ctx)}
}

// Show implements [web.Page].
func (p acts) Show(ctx context.Context, l signed.Link) (*web.View, error) {
	link := linkOf(ctx, l)
	s, err := p.links.See(ctx, link)
	if err != nil {
		return nil, err
	}
	v := view(s, link.Action)
	if s.Refusal != "" {
		v.Note, v.Bad, v.Status = s.Refusal, true, http.StatusConflict
		return v, nil
	}
	v.Buttons = []web.Button{{Name: "do", Value: string(link.Action), Text: link.Action.Text()}}
	return v, nil
}

// errNotWorking is what is told of a press before the work begins and after it ends.
var errNotWorking = errors.New("the scheduler does not work yet, or not any more")

// Send implements [web.Page].
func (p acts) Send(ctx context.Context, l signed.Link, _ url.Values) (*web.View, error) {
	if !p.working() {
		return nil, errNotWorking
	}
	link := linkOf(ctx, l)
	out, err := p.links.Follow(ctx, link)
	if err != nil {
		return nil, err
	}
	if !out.Refused && link.Action != face.Log {
		p.changed(ctx)
	}
	s, err := p.links.See(ctx, link)
	if err != nil {
		return nil, err
	}
	v := view(s, link.Action)
	switch {
	case out.Refused:
		v.Note, v.Bad, v.Status = out.Said, true, http.StatusConflict
	case link.Action == face.Log:
		v.Text = strings.Trim(out.Said, "`\n")
	default:
		v.Note = out.Said
	}
	return v, nil
}

// view is what is known of what a button is about.
func view(s *card.Sight, a face.Action) *web.View {
	v := &web.View{Title: a.Text()}
	if v.Title == "" {
		v.Title = "Dingdag"
	}
	if c := s.Card; c != nil {
		v.Rows = append(v.Rows, web.Row{Name: "消息 Message", Text: s.Title})
		v.Rows = append(v.Rows, about(c)...)
	}
	v.Rows = append(v.Rows, web.Row{Name: "现在 Now", Text: s.Status.Words()})
	if s.Error != "" {
		v.Rows = append(v.Rows, web.Row{Name: "错误 Error", Text: s.Error})
	}
	return v
}

// about names what a message tells of.
func about(c *store.CardNow) []web.Row {
	rows := []web.Row{{Name: "DAG", Text: c.DAGID}, {Name: "运行 Run", Text: c.RunID}}
	if c.TaskID == "" {
		return rows
	}
	task := c.TaskID
	if c.MapIndex >= 0 {
		task = fmt.Sprintf("%s [%d]", task, c.MapIndex)
	}
	return append(rows, web.Row{Name: "任务 Task", Text: task}, web.Row{Name: "第几次 Try", Text: strconv.Itoa(c.Try)})
}
