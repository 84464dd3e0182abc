package command

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/bindings"
	"github.com/dingdag/dingdag/chat/roles"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/yamlvalue"
)

// Bindings are what conversations are told of. *bindings.Bindings is one.
type Bindings interface {
	Bind(ctx context.Context, c bindings.Conversation, what string) (b bindings.Binding, created bool, err error)
	Unbind(ctx context.Context, meant func(bindings.Binding) bool) ([]bindings.Binding, error)
	List(ctx context.Context) ([]bindings.Binding, error)
}

// binding are the commands about what the conversation is told of.
func binding() []*Spec {
	what := Text{"DAG|owner:NAME|tag:NAME|*", "DAG|负责人:名字|标签:名字|*"}
	return []*Spec{
		{
			Name: "bind", ZH: "绑定", Aliases: []string{"subscribe", "订阅"}, Args: []Arg{{Required, what}}, Role: roles.Operator, Changes: true,
			Help: Text{"lets this conversation get the alerts and reports of a DAG, an owner or a tag", "让本会话接收某个 DAG、负责人或标签的告警和报告"},
			More: Text{"All DAGs (\\*) take the role admin.", "绑定全部（\\*）需要 admin 角色。"}, Example: "bind tag:sales", Do: doBind,
		},
		{
			Name: "unbind", ZH: "解绑", Aliases: []string{"unsubscribe", "退订"}, Args: []Arg{{Required, Text{what.EN + "|ID|all", what.ZH + "|编号|全部"}}}, Role: roles.Operator, Changes: true,
			Help: Text{"ends that", "结束绑定"}, More: Text{"all ends all bindings of this conversation.", "“全部”结束本会话的所有绑定。"}, Example: "unbind tag:sales", Do: doUnbind,
		},
		{
			Name: "bindings", ZH: "绑定列表", Aliases: []string{"订阅列表"}, Args: []Arg{keyword("everywhere", "所有会话")}, Role: roles.Viewer,
			Help: Text{"lists what this conversation gets, or with everywhere what all do", "列出本会话的绑定；加“所有会话”列出全部"}, Example: "bindings", Do: doBindings,
		},
	}
}

// bound is what was written with the words of the program.
func bound(what string) string {
	for zh, en := range map[string]string{"负责人:": "owner:", "标签:": "tag:"} {
		if rest, ok := strings.CutPrefix(what, zh); ok {
			return en + rest
		}
	}
	if what == "all" || what == "全部" || what == "所有" {
		return "*"
	}
	return what
}

func doBind(ctx context.Context, c *Call) (Answer, error) {
	what := bound(c.Arg(0))
	kind, value, err := bindings.Parse(what)
	if err != nil {
		return Answer{}, c.Refuse("I cannot bind that: %s", "无法绑定：%s", esc(err.Error()))
	}
	if err := c.bindable(ctx, kind, value); err != nil {
		return Answer{}, err
	}
	where := bindings.Conversation{ConnID: c.ConnID, ID: c.ConversationID, Title: c.ConversationTitle, Group: c.Group}
	if !c.Group {
		where.UserID, where.Title = c.Sender.UserID, c.Sender.Nick
	}
	b, created, err := c.bindings().Bind(ctx, where, what)
	if err != nil {
		return Answer{}, err
	}
	if !created {
		return Answer{Title: c.Say("Bound", "已绑定"), Text: c.Say("This conversation is bound to %s already.", "本会话已经绑定 %s。", code(b.What))}, nil
	}
	p := page{title: c.Say("Bound", "已绑定")}
	p.say(c.Say("📌 This conversation now gets the alerts and reports of %s.", "📌 本会话将接收 %s 的告警和报告。", code(b.What)))
	p.end(c.next(c.typed("bindings", "绑定列表"), c.typed("unbind", "解绑", b.What)))
	return p.answer(c.Lang), nil
}

// bindable checks that there is what is to be bound, and that it may be.
func (c *Call) bindable(ctx context.Context, kind store.BindingKind, value string) error {
	if kind == store.BoundAll {
		return c.Need(roles.Admin)
	}
	if kind == store.BoundDAG {
		_, err := c.DAG(ctx, value)
		return err
	}
	all, broken, err := c.API.DAGs(ctx, api.DAGQuery{})
	if err != nil {
		return err
	}
	var known []string
	for _, d := range all.Items {
		if kind == store.BoundTag {
			known = append(known, d.Tags...)
			continue
		}
		for name := range strings.SplitSeq(d.Owner, ",") {
			known = append(known, strings.TrimSpace(name))
		}
	}
	slices.Sort(known)
	known = slices.Compact(known)
	if slices.Contains(known, value) {
		return nil
	}
	near := alike(value, known)
	if len(near) == 0 {
		near = known[:min(len(known), 2*most)]
	}
	text := c.Say("No DAG has the %s %s.", "没有 DAG 的%s是 %s。",
		map[store.BindingKind]string{store.BoundOwner: c.Say("owner", "负责人"), store.BoundTag: c.Say("tag", "标签")}[kind], code(yamlvalue.Excerpt(value)))
	if len(near) > 0 {
		text += c.Say(" Known: %s", "已有：%s", codes(near))
	}
	if broken {
		text += c.Say(" (some DAG files are in error)", "（有 DAG 文件出错）")
	}
	return &RefusedError{text}
}

func (c *Call) bindings() Bindings { return c.commands.o.Bindings(c.Actor()) }

// here reports whether a binding is one of the conversation.
func (c *Call) here(b bindings.Binding) bool {
	return b.ConnID == c.ConnID && b.ConversationID == c.ConversationID
}

func doUnbind(ctx context.Context, c *Call) (Answer, error) {
	what := c.Arg(0)
	all := slices.Contains([]string{"all", "全部", "所有"}, strings.ToLower(what))
	id, numberErr := strconv.ParseInt(what, 10, 64)
	meant := func(b bindings.Binding) bool {
		switch {
		case !c.here(b):
			return false
		case numberErr == nil && b.ID == id:
			return true
		default:
			return all || b.What == bound(what)
		}
	}
	list, err := c.bindings().List(ctx)
	if err != nil {
		return Answer{}, err
	}
	var mine []string
	for _, b := range list {
		if c.here(b) {
			mine = append(mine, b.What)
		}
		if b.What == "*" && meant(b) {
			if err := c.Need(roles.Admin); err != nil {
				return Answer{}, err
			}
		}
	}
	ended, err := c.bindings().Unbind(ctx, meant)
	if err != nil {
		return Answer{}, err
	}
	if len(ended) == 0 {
		if len(mine) == 0 {
			return Answer{}, c.Refuse("This conversation is bound to nothing.", "本会话没有绑定。")
		}
		return Answer{}, c.Refuse("This conversation is not bound to %s, but to %s.", "本会话没有绑定 %s，绑定的是 %s。", code(yamlvalue.Excerpt(what)), codes(mine))
	}
	var gone []string
	for _, b := range ended {
		gone = append(gone, b.What)
	}
	return Answer{Title: c.Say("Unbound", "已解绑"), Text: c.Say("This conversation gets no more of %s.", "本会话不再接收 %s。", codes(gone))}, nil
}

func doBindings(ctx context.Context, c *Call) (Answer, error) {
	list, err := c.bindings().List(ctx)
	if err != nil {
		return Answer{}, err
	}
	p := page{title: c.Say("Bindings", "绑定")}
	for _, b := range list {
		if !c.Has("everywhere") && !c.here(b) {
			continue
		}
		text := code(b.What) + c.Say(" by %s, %s", " 由 %s，%s", esc(b.MadeBy), c.whole(&b.MadeAt))
		if c.Has("everywhere") {
			text = bold(b.Title) + " " + text
		}
		p.item(text)
	}
	if len(p.items) == 0 {
		p.say(c.Say("Nothing is bound. %s gets the alerts of a DAG here.", "没有绑定。%s 可以让这里接收一个 DAG 的告警。", code(c.typed("bind", "绑定", "DAG"))))
	}
	return p.answer(c.Lang), nil
}
