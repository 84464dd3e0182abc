package command

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/asks"
	"github.com/dingdag/dingdag/chat/roles"
	"github.com/dingdag/dingdag/store"
)

// Asks are what tasks ask people. *asks.Asks are some.
type Asks interface {
	Get(ctx context.Context, id int64) (asks.Ask, error)
	Respond(ctx context.Context, r asks.Answer) (asks.Ask, error)
}

// answering are the commands that answer what tasks ask. Those who are assigned need no role; what asks everybody takes
// an operator.
func answering() []*Spec {
	id, fields := one("ID", "编号"), Arg{Pairs, Text{"field", "字段"}}
	do := func(options ...string) func(context.Context, *Call) (Answer, error) {
		return func(ctx context.Context, c *Call) (Answer, error) { return doAnswer(ctx, c, options) }
	}
	return []*Spec{
		{
			Name: "answer", ZH: "回答", Args: []Arg{id, {Many, Text{"OPTION", "选项"}}, fields}, Changes: true,
			Help: Text{"answers what a task asks; the first answer counts", "回答任务的提问；以第一个回答为准"},
			More: Text{
				"An option with blanks stands in quotes. Values of fields are read as those of trigger. Whom the task names may answer without a role; where it names nobody, it takes the role operator.",
				"含空格的选项请加引号。字段的值与“触发”的参数写法相同。任务指定的人无需角色即可回答；未指定时需要角色 operator。",
			},
			Example: "answer 12 Approve", Do: do(),
		},
		{
			Name: "approve", ZH: "批准", Aliases: []string{"同意"}, Args: []Arg{id, fields}, Changes: true,
			Help: Text{"approves what a task asks for", "批准任务的请求"}, Example: "approve 12", Do: do("Approve"),
		},
		{
			Name: "reject", ZH: "拒绝", Aliases: []string{"驳回"}, Args: []Arg{id, fields}, Changes: true,
			Help: Text{"rejects what a task asks for", "拒绝任务的请求"}, Example: "reject 12", Do: do("Reject"),
		},
	}
}

// words are the words of an answer behind the id of what it answers.
func (c *Call) words() (words []asks.Word) {
	for _, option := range c.parsed.args[1:] {
		words = append(words, asks.Word{Text: option})
	}
	for _, p := range c.parsed.pairs {
		words = append(words, asks.Word{Text: p.key + "=" + p.value, Quoted: p.quoted})
	}
	return words
}

func doAnswer(ctx context.Context, c *Call, options []string) (Answer, error) {
	of := c.commands.o.Asks(c.Actor())
	unknown := c.Refuse("There is no ask %s.", "没有编号为 %s 的提问。", code(c.Arg(0)))
	id, err := strconv.ParseInt(strings.TrimPrefix(c.Arg(0), "#"), 10, 64)
	if err != nil {
		return Answer{}, unknown
	}
	a, err := of.Get(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return Answer{}, unknown
	}
	if err != nil {
		return Answer{}, err
	}
	if len(a.Assigned) == 0 {
		if err := c.Need(roles.Operator); err != nil {
			return Answer{}, err
		}
	}
	chosen, input, err := a.Read(c.words()...)
	if err == nil {
		a, err = of.Respond(ctx, asks.Answer{
			ID: id, Chosen: append(options, chosen...), Input: input, By: store.Person{ID: c.Sender.UserID, Name: c.Sender.Nick},
		})
	}
	var field *api.FieldError
	switch {
	case errors.As(err, &field):
		return Answer{}, c.Refuse("%s", "%s", esc(field.Err.Error()))
	case errors.Is(err, asks.ErrSettled), errors.Is(err, asks.ErrNotAssigned):
		return Answer{}, c.Refuse("%s", "%s", esc(err.Error()))
	case err != nil:
		return Answer{}, err
	}
	said := bold(strings.Join(a.Chosen, ", "))
	return Answer{
		Title: c.Say("Answered", "已回答"),
		Text: c.Say("✅ %s answered ask %d, %s: %s. %s goes on.", "✅ %s 回答了提问 %d（%s）：%s。%s 继续运行。",
			esc(a.RespondedBy.String()), a.ID, esc(a.Subject), said, code(a.DAGID+"."+a.TaskID)),
	}, nil
}
