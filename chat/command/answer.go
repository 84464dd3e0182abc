package command

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/asks"
	"github.com/dingdag/dingdag/chat/roles"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Asks are what tasks ask people. *asks.Asks are some.
type Asks interface {
	List(ctx context.Context, q asks.Query) (api.List[asks.Ask], error)
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
	id, err := strconv.ParseInt(strings.TrimPrefix(c.Arg(0), "#"), 10, 64)
	if err != nil {
		return Answer{}, c.unknownAsk(ctx, of)
	}
	a, err := of.Get(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return Answer{}, c.unknownAsk(ctx, of)
	}
	if err != nil {
		return Answer{}, err
	}
	if err := c.mayAnswer(&a); err != nil {
		return Answer{}, err
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
		return Answer{}, c.Refuse("%s", "无法回答：%s", c.told(phrase.Said(field.Err)))
	case errors.Is(err, asks.ErrSettled):
		return Answer{}, c.settled(ctx, of, id, err)
	case errors.Is(err, asks.ErrNotAssigned): // the task was cleared, and asks others, since it was looked at
		return Answer{}, c.Refuse("%s", "无权回答：%s", c.told(phrase.Said(err)))
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

// mayAnswer refuses the answer of somebody whom an ask does not ask.
func (c *Call) mayAnswer(a *asks.Ask) error {
	if len(a.Assigned) == 0 {
		return c.Need(roles.Operator)
	}
	if asked(a, c.Sender.UserID) {
		return nil
	}
	return c.Refuse("You may not answer ask %d: it asks %s.", "您不能回答提问 %d，可回答者：%s。", a.ID, esc(people(a.Assigned)))
}

func asked(a *asks.Ask, userID string) bool {
	return slices.ContainsFunc(a.Assigned, func(p store.Person) bool { return p.ID == userID })
}

func people(all []store.Person) string {
	names := make([]string, len(all))
	for i, p := range all {
		names[i] = p.String()
	}
	return strings.Join(names, ", ")
}

// settled says what has become of an ask whose answer comes too late.
func (c *Call) settled(ctx context.Context, of Asks, id int64, cause error) error {
	a, err := of.Get(ctx, id)
	switch {
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return err
	case err == nil && a.State == store.AskAnswered && a.RespondedBy != nil:
		return c.Refuse("Ask %d was answered already by %s at %s: %s.", "提问 %d 已由 %s 于 %s 回答：%s。", id, esc(a.RespondedBy.String()), c.whole(a.SettledAt), bold(strings.Join(a.Chosen, ", ")))
	case err == nil && a.State == store.AskDefaulted:
		return c.Refuse("Ask %d was not answered in time; its defaults were chosen at %s: %s.", "提问 %d 未及时回答，已于 %s 采用默认：%s。", id, c.whole(a.SettledAt), bold(strings.Join(a.Chosen, ", ")))
	default:
		return c.Refuse("%s", "提问不再等待回答：%s", c.reason(c.mask(cause.Error())))
	}
}

// unknownAsk says that there is no such ask, and which wait that the person may know of.
func (c *Call) unknownAsk(ctx context.Context, of Asks) error {
	text := c.Say("There is no ask %s.", "没有编号为 %s 的提问。", code(yamlvalue.Excerpt(c.Arg(0))))
	open, err := of.List(ctx, asks.Query{States: []store.AskState{store.AskOpen}})
	if err != nil {
		return err
	}
	p, told := page{}, 0
	for i := range open.Items {
		a := &open.Items[i]
		if c.Grant.Role < roles.Viewer && !asked(a, c.Sender.UserID) {
			continue
		}
		if told++; told <= most {
			p.item(c.asking(a))
		}
	}
	if told == 0 {
		return &RefusedError{text + c.Say(" Nothing waits for you.", " 目前没有等您回答的提问。")}
	}
	p.more = max(0, told-most)
	p.say(text + c.Say(" These wait:", " 等待回答的有："))
	return &RefusedError{p.answer(c.Lang).Text}
}

// asking is an ask that waits, with what to type.
func (c *Call) asking(a *asks.Ask) string {
	text := c.Say("%s asks: %s %s (%s)", "%s 提问：%s %s（%s）", bold(a.DAGID+"."+a.TaskID), esc(clip(a.Subject, 200)),
		code(c.typed("answer", "回答", strconv.FormatInt(a.ID, 10))), esc(clip(strings.Join(a.Options, ", "), 200)))
	if len(a.Assigned) > 0 {
		text += c.Say("; only %s may answer", "；可回答者：%s", esc(clip(people(a.Assigned), 200)))
	}
	return text
}
