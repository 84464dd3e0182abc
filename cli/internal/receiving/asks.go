package receiving

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/asks"
	"github.com/dingdag/dingdag/callbacks/face"
	"github.com/dingdag/dingdag/chat/card"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/web"
	"github.com/dingdag/dingdag/web/peer"
	"github.com/dingdag/dingdag/web/signed"
)

// answers is the page on which people answer what a task asks.
type answers struct {
	links interface {
		SeeAsk(ctx context.Context, l card.AskLink) (*card.AskSight, error)
		FollowAsk(ctx context.Context, l card.AskLink, chosen []string, input json.RawMessage) (card.Outcome, error)
	}
	changed func(context.Context)
	working func() bool
}

// The names of the fields. Params have a prefix, so that none is taken for another one.
const (
	optionField = "option"
	paramField  = "param."
)

func askLinkOf(ctx context.Context, l signed.Link) (card.AskLink, error) {
	id, connID, err := face.ParseAskSubject(l.Subject)
	return card.AskLink{ID: id, ConnID: connID, People: l.People, Nonce: l.Nonce, Address: peer.AddressIn(ctx)}, err
}

// Show implements [web.Page].
func (p answers) Show(ctx context.Context, l signed.Link) (*web.View, error) {
	link, err := askLinkOf(ctx, l)
	if err != nil {
		return nil, err
	}
	s, err := p.links.SeeAsk(ctx, link)
	if err != nil {
		return nil, err
	}
	return askView(s, nil), nil
}

// Send implements [web.Page].
func (p answers) Send(ctx context.Context, l signed.Link, form url.Values) (*web.View, error) {
	if !p.working() {
		return nil, errNotWorking
	}
	link, err := askLinkOf(ctx, l)
	if err != nil {
		return nil, err
	}
	s, err := p.links.SeeAsk(ctx, link)
	if err != nil || s.Refusal != "" {
		return askView(s, nil), err
	}
	values := map[string]string{}
	for name := range form {
		if param, ok := strings.CutPrefix(name, paramField); ok {
			values[param] = form.Get(name)
		}
	}
	input, err := s.Ask.Fill(values)
	if err != nil {
		var field *api.FieldError
		if !errors.As(err, &field) {
			return nil, err
		}
		v := askView(s, values)
		v.Note, v.Bad, v.Status = "什么都没有做。 Nothing was done: "+field.Err.Error(), true, http.StatusUnprocessableEntity
		return v, nil
	}
	out, err := p.links.FollowAsk(ctx, link, form[optionField], input)
	if err != nil {
		return nil, err
	}
	if !out.Refused {
		p.changed(ctx)
	}
	now, err := p.links.SeeAsk(ctx, link)
	if err != nil {
		return nil, err
	}
	v := askView(now, values)
	v.Note, v.Bad, v.Status = out.Said, out.Refused, http.StatusOK
	if out.Refused {
		v.Status = http.StatusConflict
		if now.Refusal == "" { // what was filled in is wrong, and can be mended
			v.Status = http.StatusUnprocessableEntity
		}
	}
	return v, nil
}

// askView shows what is asked, with a form where it can be answered, in which stands what somebody has filled in.
func askView(s *card.AskSight, filled map[string]string) *web.View {
	v := &web.View{Title: "回答 Answer"}
	if s.Refusal != "" {
		v.Note, v.Bad, v.Status = s.Refusal, true, http.StatusConflict
	}
	a := s.Ask
	if a == nil {
		return v
	}
	v.Title, v.Text = a.Subject, a.Body
	task := a.TaskID
	if a.MapIndex >= 0 {
		task = fmt.Sprintf("%s [%d]", task, a.MapIndex)
	}
	v.Rows = []web.Row{{Name: "DAG", Text: a.DAGID}, {Name: "运行 Run", Text: a.RunID}, {Name: "任务 Task", Text: task}}
	if a.Deadline != nil && a.State == store.AskOpen {
		until := a.Deadline.UTC().Format(time.RFC3339)
		if len(a.Defaults) > 0 {
			until += ", 默认 then " + strings.Join(a.Defaults, ", ")
		}
		v.Rows = append(v.Rows, web.Row{Name: "截止 Until", Text: until})
	}
	if s.Refusal != "" {
		return v
	}
	for _, param := range a.Params {
		v.Fields = append(v.Fields, paramInput(param, filled))
	}
	if a.Multiple {
		v.Fields = append(v.Fields, web.Field{
			Name: optionField, Label: "选项 Options", Help: "可多选 Several may be chosen.", Options: a.Options, Value: strings.Join(a.Defaults, "\n"), Multiple: true, Required: true,
		})
		v.Buttons = []web.Button{{Name: "send", Value: "1", Text: "回答 Answer"}}
		return v
	}
	for _, option := range a.Options {
		v.Buttons = append(v.Buttons, web.Button{Name: optionField, Value: option, Text: option})
	}
	return v
}

// paramInput is the field of a param. Left empty it has its default.
func paramInput(p store.AskParam, filled map[string]string) web.Field {
	return web.Field{
		Name: paramField + p.Name, Label: p.Name, Help: p.Description, Value: cmp.Or(filled[p.Name], asks.Default(p)), Required: len(p.Value) == 0,
	}
}
