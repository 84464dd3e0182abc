package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/api/asks"
	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/chat/roles"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/phrase"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/yamlvalue"
)

// builtin are all commands.
func builtin() []*Spec { return slices.Concat(looking(), changing(), answering(), binding()) }

// looking are the commands that change nothing.
func looking() []*Spec {
	return []*Spec{
		{
			Name: "help", ZH: "帮助", Aliases: []string{"?", "h", "commands", "命令"}, Args: []Arg{maybe("COMMAND", "命令")}, Role: roles.Viewer,
			Help: Text{"lists the commands, or tells about one", "列出命令，或说明一个命令"}, Example: "help trigger", Do: doHelp,
		},
		{
			Name: "dags", ZH: "列表", Aliases: []string{"list", "dag列表", "工作流"}, Args: []Arg{maybe("TEXT", "文字")}, Role: roles.Viewer,
			Help: Text{"lists the DAGs", "列出 DAG"}, More: Text{"TEXT is a part of an id, a tag or an owner.", "“文字”可以是 id 的一部分、标签或负责人。"}, Example: "dags sales", Do: doDAGs,
		},
		{
			Name: "runs", ZH: "运行", Aliases: []string{"运行记录"}, Args: []Arg{maybe("DAG", "DAG")}, Role: roles.Viewer,
			Help: Text{"lists the newest runs", "列出最近的运行"}, Example: "runs etl", Do: doRuns,
		},
		{
			Name: "status", ZH: "状态", Aliases: []string{"state", "查看"}, Args: []Arg{one("DAG", "DAG"), maybe("RUN", "运行")}, Role: roles.Viewer,
			Help: Text{"tells how a run goes: what failed, why, and what that blocks", "运行的情况：哪里失败、原因、影响"},
			More: runHelp(), Example: "status etl", Do: doStatus,
		},
		{
			Name: "why", ZH: "为什么", Aliases: []string{"原因"}, Args: []Arg{one("DAG|TASK", "DAG|任务"), maybe("TASK", "任务"), maybe("RUN", "运行")}, Role: roles.Viewer,
			Help: Text{"tells why a DAG does not run, or why a task waits", "DAG 为什么没有运行，或任务为什么在等待"}, More: runHelp(), Example: "why etl load", Do: doWhy,
		},
		{
			Name: "logs", ZH: "日志", Aliases: []string{"log"}, Args: []Arg{one("DAG", "DAG"), one("TASK", "任务"), maybe("RUN", "运行"), {Pairs, Text{"try", "try"}}}, Role: roles.Viewer,
			Help: Text{"shows the end of a task's log, and sends a long one as a file", "任务日志的末尾；较长的日志作为文件发送"},
			More: Text{"try=2 is the second try; without it, it is the last. " + runHelp().EN, "try=2 表示第二次尝试；默认最后一次。" + runHelp().ZH}, Example: "logs etl load", Do: doLogs,
		},
		{
			Name: "alerts", ZH: "告警", Aliases: []string{"alarm", "报警"}, Args: []Arg{maybe("DAG", "DAG")}, Role: roles.Viewer,
			Help: Text{"lists the alerts of the last day that nobody has acknowledged, and what is silent", "列出最近一天未确认的告警，以及静音情况"}, Example: "alerts", Do: doAlerts,
		},
		{
			Name: "whoami", ZH: "我是谁", Aliases: []string{"who"}, Role: roles.Nobody,
			Help: Text{"tells your userid, your role and why you have it", "您的 userid、角色及其来源"}, Example: "whoami", Do: doWhoami,
		},
	}
}

// runHelp is how a run is named.
func runHelp() Text {
	return Text{
		"RUN is an id or the beginning of one, a logical date, or latest, which is the default.",
		"“运行”可以是 id 或其开头、逻辑日期，或 latest（最新，默认）。",
	}
}

func doHelp(_ context.Context, c *Call) (Answer, error) {
	l := c.Lang
	if name := c.Arg(0); name != "" {
		s, _ := c.commands.t.find(name)
		if s == nil {
			near := c.commands.t.near(name)
			if near == "" {
				return Answer{}, c.Refuse("There is no command %s. %s lists all.", "没有命令 %s。发送 %s 查看全部。", code(yamlvalue.Excerpt(name)), code(l.Say("help", "帮助")))
			}
			return Answer{}, c.Refuse("There is no command %s; did you mean %s?", "没有命令 %s；您是想用 %s 吗？", code(yamlvalue.Excerpt(name)), code(near))
		}
		p := page{title: Text{s.Name, s.ZH}.In(l)}
		p.say(code(s.usage(l)))
		p.say(s.Help.In(l) + l.Say(".", "。"))
		p.say(s.More.In(l))
		p.say(l.Say("Role: %s · example: %s · also: %s", "角色：%s · 示例：%s · 又名：%s", s.Role, code(s.Example), codes(append([]string{Text{s.ZH, s.Name}.In(l)}, s.Aliases...))))
		return p.answer(l), nil
	}
	p := page{title: l.Say("Commands", "命令")}
	p.say(l.Say("You may (%s):", "您可以使用（%s）：", c.Grant.Role))
	for _, s := range c.commands.t.specs {
		if s.Role <= c.Grant.Role && c.allowed(s) {
			p.item(code(s.usage(l)) + " " + s.Help.In(l))
		}
	}
	p.end(l.Say("%s tells more. 中文：%s", "%s 查看详情。English: %s", code(l.Say("help COMMAND", "帮助 命令")), code(l.Say("帮助", "help"))))
	return p.answer(l), nil
}

func doDAGs(ctx context.Context, c *Call) (Answer, error) {
	all, broken, err := c.API.DAGs(ctx, api.DAGQuery{})
	if err != nil {
		return Answer{}, err
	}
	text := strings.ToLower(c.Arg(0))
	shown := slices.DeleteFunc(all.Items, func(d api.DAG) bool {
		has := func(s string) bool { return strings.Contains(strings.ToLower(s), text) }
		return text != "" && !has(d.DAGID) && !has(d.Owner) && !slices.ContainsFunc(d.Tags, has)
	})
	if len(shown) == 0 && text != "" {
		return Answer{}, c.Refuse("No DAG has %s in its id, tags or owner.", "没有 DAG 的 id、标签或负责人包含 %s。", code(yamlvalue.Excerpt(c.Arg(0))))
	}
	// What went wrong comes first.
	slices.SortStableFunc(shown, func(a, b api.DAG) int { return weight(a) - weight(b) })
	p := page{title: c.Say("DAGs", "DAG 列表")}
	p.say(c.Say("DAGs: %d", "共 %d 个 DAG", len(shown)))
	for _, d := range shown {
		line := bold(d.DAGID)
		if d.LastState != "" {
			line += " " + c.state(string(d.LastState))
		}
		if d.Paused {
			line += c.Say(" ⏸ paused", " ⏸ 已暂停")
		} else if d.NextRun != nil {
			line += c.Say(" · next %s", " · 下次 %s", c.date(d.NextRun))
		}
		p.item(line)
	}
	if broken {
		p.end(c.Say("⚠️ Some DAG files are in error: their DAGs are missing here.", "⚠️ 有 DAG 文件出错，其中的 DAG 未列出。"))
	}
	return p.answer(c.Lang), nil
}

// weight sorts DAGs by how much people care.
func weight(d api.DAG) int {
	switch {
	case d.LastState == dag.RunFailed:
		return 0
	case d.LastState == dag.RunRunning:
		return 1
	case d.Paused:
		return 3
	default:
		return 2
	}
}

func doRuns(ctx context.Context, c *Call) (Answer, error) {
	q := api.RunQuery{DAGID: c.Arg(0), Page: api.Page{Limit: 10, Count: true}}
	if q.DAGID != "" {
		if _, err := c.DAG(ctx, q.DAGID); err != nil {
			return Answer{}, err
		}
	}
	runs, err := c.API.Runs(ctx, q)
	if err != nil {
		return Answer{}, err
	}
	p := page{title: c.Say("Runs", "运行"), more: max(0, runs.Total-len(runs.Items))}
	if len(runs.Items) == 0 {
		p.say(c.Say("There are no runs yet.", "还没有运行。"))
	} else if q.DAGID != "" {
		p.say(bold(q.DAGID))
	}
	for _, r := range runs.Items {
		line := c.line(&r)
		if q.DAGID == "" {
			line = bold(r.DAGID) + " " + line
		}
		p.item(line)
	}
	return p.answer(c.Lang), nil
}

// next are commands to type next.
func (c *Call) next(commands ...string) string {
	return c.Say("Next: ", "接下来：") + strings.ReplaceAll(codes(commands), ", ", " · ")
}

// typed is a command to type, with arguments quoted where they need it.
func (c *Call) typed(en, zh string, args ...string) string {
	words := []string{Text{en, zh}.In(c.Lang)}
	for _, a := range args {
		if a != "" && (strings.ContainsFunc(a, func(r rune) bool { return isQuote(r) || r == ' ' }) || strings.HasPrefix(a, "@")) {
			a = strconv.Quote(a)
		}
		if a != "" {
			words = append(words, a)
		}
	}
	return strings.Join(words, " ")
}

func doStatus(ctx context.Context, c *Call) (Answer, error) {
	d, err := c.DAG(ctx, c.Arg(0))
	if err != nil {
		return Answer{}, err
	}
	r, err := c.Run(ctx, d.DAGID, c.Arg(1))
	if err != nil {
		return Answer{}, err
	}
	is, err := c.API.Instances(ctx, d.DAGID, r.RunID)
	if err != nil {
		return Answer{}, err
	}
	*r = is.Run // as new as the instances
	p := page{title: d.DAGID + " " + c.state(string(r.State))}
	p.say(bold(d.DAGID) + " " + c.line(r))
	if r.LogicalDate != nil {
		p.say(c.Say("Logical date: %s", "逻辑日期：%s", c.whole(r.LogicalDate)))
	}
	if d.Paused {
		p.say(c.Say("⏸ The DAG is paused: it starts nothing.", "⏸ DAG 已暂停，不会启动任何任务。"))
	}
	if why := phrase.RunEnd(r.Reason); !why.IsZero() {
		p.say(c.told(why))
	}
	p.say(c.counted(is.Items))
	if is.Partial != nil {
		p.end(c.Say("Tasks that have not begun are missing: %s", "尚未开始的任务未列出：%s", esc(is.Partial.Error())))
	}
	next, err := c.troubles(ctx, &p, is)
	if err != nil {
		return Answer{}, err
	}
	alerts, err := c.API.Alerts(ctx, api.AlertQuery{DAGID: d.DAGID, RunID: r.RunID, Unacked: true, Page: api.Page{Limit: 1, Count: true}})
	if err != nil {
		return Answer{}, err
	}
	if alerts.Total > 0 && r.State != dag.RunSuccess {
		p.end(c.Say("Alerts of this run that nobody has acknowledged: %d.", "这个运行有 %d 条告警未确认。", alerts.Total))
		next = append(next, c.typed("ack", "确认", strconv.FormatInt(alerts.Items[0].ID, 10)))
	}
	if len(next) > 0 {
		p.end(c.next(next...))
	}
	return p.answer(c.Lang), nil
}

// counted is how many task instances are in each state.
func (c *Call) counted(is []api.Instance) string {
	n := map[string]int{}
	var order []string
	for _, in := range is {
		if n[in.State]++; n[in.State] == 1 {
			order = append(order, in.State)
		}
	}
	parts := make([]string, len(order))
	for i, s := range order {
		parts[i] = fmt.Sprintf("%d %s", n[s], c.state(s))
	}
	return strings.Join(parts, " · ")
}

// mask hides secrets.
func (c *Call) mask(text string) string { return c.commands.o.Masker.Mask(text) }

// troubles tells what failed in a run, with the error and what it blocks, else what runs; and the commands to type
// next.
func (c *Call) troubles(ctx context.Context, p *page, is *api.Instances) (next []string, err error) {
	r := &is.Run
	run := ""
	if newest, err := c.API.Run(ctx, r.DAGID, ""); err == nil && newest.RunID != r.RunID {
		run = r.RunID // the commands are about it, and the default is another one
	}
	var failed []api.Instance
	for _, in := range is.Items {
		if in.State == string(dag.Failed) || in.State == string(dag.UpForRetry) {
			failed = append(failed, in)
		}
	}
	for i, in := range failed {
		if i >= most {
			p.item(bold(in.Label()) + " " + c.state(in.State))
			continue
		}
		text := bold(in.Label()) + " " + c.state(in.State)
		if in.EndDate != nil {
			text += " " + c.since(in.EndDate)
		}
		text += c.Say(", try %d", "，第 %d 次尝试", in.TryNumber)
		said, err := c.errorOf(ctx, &in)
		if err != nil {
			return nil, err
		}
		if said != "" {
			text += "  \n  " + esc(said)
		}
		if blocked := c.blocked(ctx, is, in.TaskID); len(blocked) > 0 {
			text += c.Say("  \n  blocks %s", "  \n  影响 %s", clip(strings.Join(blocked, ", "), 200))
		}
		p.item(text)
	}
	switch {
	case len(failed) > 0:
		in := failed[0]
		next = append(next, c.typed("logs", "日志", r.DAGID, in.Label(), run))
		if in.State == string(dag.Failed) {
			next = append(next, c.typed("clear", "重跑", r.DAGID, in.TaskID, run)+c.Say(" downstream", " 下游"))
		} else {
			next = append(next, c.typed("why", "为什么", r.DAGID, in.TaskID, run))
		}
	case !r.State.Finished():
		for _, in := range is.Items {
			if in.State == string(dag.Running) {
				p.item(c.Say("%s runs since %s", "%s 开始于 %s", bold(in.Label()), c.since(in.StartDate)))
			}
		}
		open, err := c.commands.o.Asks(c.Actor()).List(ctx, asks.Query{DAGID: r.DAGID, RunID: r.RunID, States: []store.AskState{store.AskOpen}, Page: api.Page{Limit: most}})
		if err != nil {
			return nil, err
		}
		for i := range open.Items {
			p.item(c.asking(&open.Items[i]))
		}
		if i := slices.IndexFunc(is.Items, func(in api.Instance) bool { return in.State != string(dag.Running) && unfinished(&in) }); i >= 0 && len(open.Items) == 0 {
			next = append(next, c.typed("why", "为什么", r.DAGID, is.Items[i].TaskID, run))
		}
	}
	return next, nil
}

// errorOf is the last line of the error of the last try of an instance.
func (c *Call) errorOf(ctx context.Context, in *api.Instance) (string, error) {
	tries, err := c.API.Tries(ctx, api.TryQuery{DAGID: in.DAGID, RunID: in.RunID, TaskID: in.TaskID, MapIndex: in.MapIndex})
	if errors.Is(err, api.ErrNotFound) || len(tries) == 0 {
		return "", nil
	}
	return last(c.mask(tries[len(tries)-1].Error)), err
}

// blocked are the tasks below a task that have not succeeded, by the version of the DAG that the run has.
func (c *Call) blocked(ctx context.Context, is *api.Instances, taskID string) []string {
	d, err := c.API.DAGOf(ctx, is.Run.Version)
	if err != nil || d.Task(taskID) == nil { // the run tells more than this
		return nil
	}
	below := map[string]bool{}
	var walk func(t *dag.Task)
	walk = func(t *dag.Task) {
		for _, i := range t.Downstream {
			if n := d.Tasks[i]; !below[n.ID] {
				below[n.ID] = true
				walk(n)
			}
		}
	}
	walk(d.Task(taskID))
	var out []string
	for _, in := range is.Items {
		if below[in.TaskID] && in.State != string(dag.Success) && !slices.Contains(out, esc(in.TaskID)) {
			out = append(out, esc(in.TaskID))
		}
	}
	return out
}

func doWhy(ctx context.Context, c *Call) (Answer, error) {
	dagID, task := c.Arg(0), c.Arg(1)
	_, err := c.DAG(ctx, dagID)
	unknown := new(RefusedError)
	if errors.As(err, &unknown) && task == "" {
		if dagID, task, err = c.findTask(ctx, dagID, unknown); err == nil {
			_, err = c.DAG(ctx, dagID)
		}
	}
	if err != nil {
		return Answer{}, err
	}
	if task == "" {
		return c.whyDAG(ctx, dagID)
	}
	is, taskID, mapIndex, err := c.taskOf(ctx, dagID, task, c.Arg(2))
	if err != nil {
		return Answer{}, err
	}
	_, whys, err := c.API.WhyTask(ctx, dagID, taskID, is.Run.RunID)
	if err != nil {
		return Answer{}, err
	}
	p := page{title: dagID + "." + taskID}
	p.say(bold(dagID+"."+taskID) + " " + code(is.Run.RunID))
	for _, w := range whys {
		if mapIndex < 0 || w.MapIndex == mapIndex {
			p.item(c.why(w))
		}
	}
	return p.answer(c.Lang), nil
}

func (c *Call) why(w api.TaskWhy) string {
	in := api.Instance{TaskID: w.TaskID, MapIndex: w.MapIndex}
	return fmt.Sprintf("%s %s: %s", bold(in.Label()), c.state(w.State), c.told(w.Said))
}

// findTask finds the DAG of a task among those that ran lately. unknown is the error about no such DAG.
func (c *Call) findTask(ctx context.Context, task string, unknown error) (dagID, taskID string, err error) {
	runs, err := c.API.Runs(ctx, api.RunQuery{Page: api.Page{Limit: 50}})
	if err != nil {
		return "", "", err
	}
	var seen, found []string
	for _, r := range runs.Items {
		if slices.Contains(seen, r.DAGID) {
			continue
		}
		seen = append(seen, r.DAGID)
		is, err := c.API.Instances(ctx, r.DAGID, r.RunID)
		if err != nil {
			return "", "", err
		}
		if slices.Contains(taskIDs(is.Items), task) {
			found = append(found, r.DAGID)
		}
	}
	switch len(found) {
	case 0:
		return "", "", unknown
	case 1:
		return found[0], task, nil
	}
	p := page{}
	p.say(c.Say("%d DAGs have a task %s:", "%d 个 DAG 有任务 %s：", len(found), code(task)))
	for _, id := range found {
		p.item(code(c.typed("why", "为什么", id, task)))
	}
	return "", "", &RefusedError{p.answer(c.Lang).Text}
}

// whyDAG tells why a DAG did or did not run, and why the tasks of its open run wait.
func (c *Call) whyDAG(ctx context.Context, dagID string) (Answer, error) {
	w, err := c.API.WhyRun(ctx, dagID, c.Now)
	if err != nil {
		return Answer{}, err
	}
	if w.DAG != nil {
		c.zone = w.DAG.Location
	}
	p := page{title: dagID}
	if w.Tick == nil {
		p.say(bold(dagID) + c.Say(" was not due: ", " 没有到期的计划：") + c.told(w.Said))
	} else {
		p.say(c.Say("%s was due at %s: %s, %s", "%s 应于 %s 运行：%s，%s", bold(dagID), c.whole(w.Tick), c.told(phrase.Outcome(string(w.Outcome))), c.told(w.Said)))
	}
	if w.Next != nil {
		p.say(c.Say("Next: %s", "下次：%s", c.whole(w.Next)))
	}
	is, err := c.API.Instances(ctx, dagID, "")
	if errors.Is(err, api.ErrNotFound) {
		return p.answer(c.Lang), nil
	}
	if err != nil {
		return Answer{}, err
	}
	p.say(c.line(&is.Run))
	if is.Run.State.Finished() {
		return p.answer(c.Lang), nil
	}
	asked := 0
	for _, id := range taskIDs(is.Items) {
		waits := slices.ContainsFunc(is.Items, func(in api.Instance) bool {
			return in.TaskID == id && in.State != string(dag.Running) && unfinished(&in)
		})
		if !waits {
			continue
		}
		if asked++; asked > most {
			p.more++
			continue
		}
		_, whys, err := c.API.WhyTask(ctx, dagID, id, is.Run.RunID)
		if err != nil {
			return Answer{}, err
		}
		for _, w := range whys[:min(len(whys), most)] {
			p.item(c.why(w))
		}
		p.more += max(0, len(whys)-most)
	}
	return p.answer(c.Lang), nil
}

// Bounds of logs: what is shown in the answer, and what is sent as a file.
const (
	shownLines = 30
	shownChars = 2000
	maxLogFile = 1 << 20
)

func doLogs(ctx context.Context, c *Call) (Answer, error) {
	is, taskID, mapIndex, err := c.taskOf(ctx, c.Arg(0), c.Arg(1), c.Arg(2))
	if err != nil {
		return Answer{}, err
	}
	q := api.TryQuery{DAGID: is.Run.DAGID, TaskID: taskID, MapIndex: mapIndex, RunID: is.Run.RunID}
	if c.Arg(2) == "" {
		q.RunID = "" // the newest run that has one
	}
	for _, p := range c.parsed.pairs {
		n, err := strconv.Atoi(p.value)
		if p.key != "try" || err != nil || n < 1 {
			return Answer{}, c.Refuse("%s is not understood: write try=2 for the second try.", "无法识别 %s：第二次尝试请写 try=2。", code(p.key+"="+p.value))
		}
		q.Try = n
	}
	log, err := c.API.Log(ctx, q)
	if err != nil {
		return Answer{}, err
	}
	text, whole, err := tail(ctx, log)
	if err != nil {
		return Answer{}, err
	}
	text = c.mask(text)
	p := page{title: log.Label}
	p.say(bold(is.Run.DAGID+"."+log.Label) + " " + c.state(log.State.String()) + " " + code(log.Run.RunID))
	if log.Older {
		p.say(c.Say("The newest run has no log of it yet: this is an older one.", "最新的运行还没有这个任务的日志：这是较早的一次。"))
	}
	if log.Instances > 1 && mapIndex < 0 {
		p.say(c.Say("It has %d instances; %s shows another one.", "共有 %d 个实例；用 %s 查看其他实例。", log.Instances, code(taskID+"[1]")))
	}
	shown := end(text)
	a := p.answer(c.Lang)
	if shown == "" {
		a.Text += "\n\n" + c.Say("The log is empty.", "日志为空。")
		return a, nil
	}
	a.Text += "\n\n" + fenced(shown)
	if len(shown) < len(strings.TrimSpace(text)) || !whole {
		a.File = &File{Name: fileName(is.Run.DAGID, log.Label, log.Run.RunID), Content: []byte(text)}
		a.Text += "\n\n" + c.Say("More is in the file.", "更多内容见文件。")
		if !whole {
			a.Text += " " + c.Say("It has the last MiB.", "文件只含最后 1 MiB。")
		}
	}
	return a, nil
}

// tail reads the end of a log. whole says that it is all of it.
func tail(ctx context.Context, log *api.Log) (text string, whole bool, err error) {
	r, err := log.Open(ctx)
	if err != nil {
		return "", false, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	whole = r.Size() <= maxLogFile
	from := max(0, r.Size()-maxLogFile)
	data, err := io.ReadAll(io.NewSectionReader(r, from, r.Size()-from))
	if err != nil {
		return "", false, fmt.Errorf("read the log: %w", err)
	}
	if _, line, ok := bytes.Cut(data, []byte("\n")); ok && !whole {
		data = line // of the first line only the end is there
	}
	return callbacks.Clean(string(data)), whole, nil
}

// end is the last lines of a text.
func end(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	lines = lines[max(0, len(lines)-shownLines):]
	n, from := 0, len(lines)
	for from > 0 {
		if n += utf8.RuneCountInString(lines[from-1]) + 1; n > shownChars {
			break
		}
		from--
	}
	if from == len(lines) && from > 0 { // a line that is too long by itself
		rs := []rune(lines[from-1])
		return string(rs[len(rs)-shownChars:])
	}
	return strings.Join(lines[from:], "\n")
}

// fenced is a block of code.
func fenced(text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence + "\n" + text + "\n" + fence
}

// fileName is what a log is called as a file.
func fileName(parts ...string) string {
	name := strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>| `, r) {
			return '_'
		}
		return r
	}, strings.Join(parts, "-"))
	return clip(name, 120) + ".log"
}

func doAlerts(ctx context.Context, c *Call) (Answer, error) {
	q := api.AlertQuery{DAGID: c.Arg(0), Unacked: true, Since: c.Now.Add(-24 * time.Hour), Page: api.Page{Limit: 10, Count: true}}
	if q.DAGID != "" {
		if _, err := c.DAG(ctx, q.DAGID); err != nil {
			return Answer{}, err
		}
	}
	found, err := c.API.Alerts(ctx, q)
	if err != nil {
		return Answer{}, err
	}
	p := page{title: c.Say("Alerts", "告警"), more: max(0, found.Total-len(found.Items))}
	if found.Total == 0 {
		p.say(c.Say("✅ No alert of the last 24 h waits to be acknowledged.", "✅ 最近 24 小时没有未确认的告警。"))
	} else {
		p.say(c.Say("Alerts of the last 24 h that nobody has acknowledged: %d", "最近 24 小时有 %d 条告警未确认：", found.Total))
	}
	for _, a := range found.Items {
		p.item(fmt.Sprintf("**%d** %s %s · %s", a.ID, c.date(&a.CreatedAt), esc(a.Summary), esc(string(a.State))))
	}
	silences, err := c.API.Silences(ctx, false, 10)
	if err != nil {
		return Answer{}, err
	}
	for _, s := range silences {
		if s.Kind == "double" {
			continue
		}
		text := c.Say("🔕 %s: silent until %s, %d kept back", "🔕 %s：静音至 %s，已拦下 %d 条", esc(s.What), c.date(&s.Until), s.Silenced)
		if s.Reason != "" {
			text += " (" + esc(s.Reason) + ")"
		}
		p.end(text)
	}
	if len(found.Items) > 0 {
		p.end(c.next(c.typed("ack", "确认", strconv.FormatInt(found.Items[0].ID, 10))))
	}
	return p.answer(c.Lang), nil
}

func doWhoami(_ context.Context, c *Call) (Answer, error) {
	p := page{title: c.Say("You", "您")}
	p.say(c.Say("%s · userid %s · role **%s**", "%s · userid %s · 角色 **%s**", bold(c.Sender.Nick), code(c.Sender.UserID), c.Grant.Role))
	switch {
	case c.Grant.Setting == "user_id":
		p.say(c.Say("by %s of connection %s", "来自连接 %[2]s 的 %[1]s", code("user_id"), code(c.Grant.Entry)))
	case c.Grant.Setting != "":
		p.say(c.Say("by %s in the setting %s", "来自设置 %[2]s 中的 %[1]s", code(c.Grant.Entry), code(c.Grant.Setting)))
	case c.lookup == nil:
		p.say(c.Say("No setting gives you a role. Somebody who runs dingdag can add your userid to %s, %s or %s.", "没有设置给您角色。请管理员把您的 userid 加到 %s、%s 或 %s。",
			code(roles.Viewers), code(roles.Operators), code(roles.Admins)))
	}
	if c.lookup != nil {
		p.say(c.Say("⚠️ Whether you have a greater role cannot be looked up now: %s", "⚠️ 现在无法查询您是否有更高的角色：%s", esc(c.lookup.Error())))
	}
	return p.answer(c.Lang), nil
}
