package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/chat/roles"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/params"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/yamlvalue"
)

// changing are the commands that change something.
func changing() []*Spec {
	downstream, upstream := keyword("downstream", "下游"), keyword("upstream", "上游")
	return []*Spec{
		{
			Name: "trigger", ZH: "触发", Aliases: []string{"执行", "启动"}, Args: []Arg{one("DAG", "DAG"), {Pairs, Text{"key", "参数"}}}, Role: roles.Operator, Changes: true,
			Help: Text{"starts a run, and tells when it has ended", "启动一次运行，并在结束时通知"},
			More: Text{
				"Values are read as in YAML: day=3 is a number, day='3' a text. They are checked against the params of the DAG.",
				"参数值按 YAML 读取：day=3 是数字，day='3' 是文本；并按 DAG 的 params 检查。",
			}, Example: "trigger etl day=2026-03-01 limit=10", Do: doTrigger,
		},
		{
			Name: "clear", ZH: "重跑", Aliases: []string{"清除", "retry", "rerun", "重试"}, Args: []Arg{one("DAG", "DAG"), one("TASK|run", "任务|run"), maybe("RUN", "运行"), downstream, upstream, keyword("failed", "失败"), keyword("latest_version", "最新版本")},
			Role: roles.Operator, Changes: true, Help: Text{"makes a task run again, with downstream all tasks below it too, or with the word run all tasks of a run", "重跑一个任务；加“下游”则连同其下游任务；用 run 表示运行的所有任务"},
			More: Text{
				"With failed only the instances that failed; with latest_version a run that has ended goes on in the latest version of its DAG. " + runHelp().EN,
				"加“失败”则只重跑失败的实例；加“最新版本”则已结束的运行按 DAG 的最新版本继续。" + runHelp().ZH,
			}, Example: "clear etl load downstream", Do: doClear,
		},
		{
			Name: "mark", ZH: "标记", Args: []Arg{one("DAG", "DAG"), one("TASK|run", "任务|run"), maybe("RUN", "运行"), keyword("success", "成功"), keyword("failed", "失败"), downstream, upstream},
			Role: roles.Operator, Changes: true, Help: Text{"gives a task, or with the word run a whole run, the state success or failed", "把任务（或用 run 表示整个运行）标记为成功或失败"},
			More: runHelp(), Example: "mark etl load success", Do: doMark,
		},
		{
			Name: "pause", ZH: "暂停", Args: []Arg{one("DAG", "DAG")}, Role: roles.Operator, Changes: true,
			Help: Text{"lets a DAG start nothing more", "暂停 DAG，不再启动任务"}, Example: "pause etl", Do: doPause(true),
		},
		{
			Name: "unpause", ZH: "恢复", Aliases: []string{"resume", "继续", "取消暂停"}, Args: []Arg{one("DAG", "DAG")}, Role: roles.Operator, Changes: true,
			Help: Text{"lets a DAG start tasks again", "恢复 DAG"}, Example: "unpause etl", Do: doPause(false),
		},
		{
			Name: "backfill", ZH: "补数", Aliases: []string{"回填"}, Args: []Arg{one("DAG", "DAG"), one("FROM", "开始日期"), one("TO", "结束日期"), keyword("backwards", "倒序"), keyword("own_version", "原版本"), {Pairs, Text{"key", "参数"}}},
			Role: roles.Operator, Changes: true, Help: Text{"runs a DAG for the logical dates from FROM to TO, both included", "为一段逻辑日期补跑（含首尾）"},
			More: Text{
				"reprocess=failed runs those again that failed, reprocess=completed all that ended, in the latest version of the DAG; with own_version each keeps its own. runs=3 lets 3 be active at once. Other keys are params of the runs.",
				"reprocess=failed 重跑失败的，reprocess=completed 重跑所有已结束的；重跑的运行使用 DAG 的最新版本，加“原版本”则保留各自的版本；runs=3 表示最多同时 3 个运行。其他键是运行参数。",
			}, Example: "backfill etl 2026-03-01 2026-03-07", Do: doBackfill,
		},
		{
			Name: "ack", ZH: "确认", Aliases: []string{"收到", "知道了"}, Args: []Arg{one("ID|DAG", "编号|DAG"), {Rest, Text{"note", "备注"}}}, Role: roles.Operator, Changes: true,
			Help: Text{"says that you have seen an alert, or all of a DAG", "确认一条告警，或一个 DAG 的全部告警"}, Example: "ack 12 on it", Do: doAck,
		},
		{
			Name: "snooze", ZH: "静音", Aliases: []string{"mute"}, Args: []Arg{one("DAG|all", "DAG|全部"), one("DURATION", "时长"), {Rest, Text{"reason", "原因"}}}, Role: roles.Operator, Changes: true,
			Help: Text{"keeps the alerts of a DAG back for a time", "在一段时间内静音一个 DAG 的告警"},
			More: Text{"DAG may be a pattern such as etl\\_\\*. All alerts, and patterns of all DAGs, take the role admin.", "DAG 可以是 etl\\_\\* 这样的模式。静音全部（包括匹配全部 DAG 的模式）需要 admin 角色。"}, Example: "snooze etl 1h the disk is changed", Do: doSnooze,
		},
		{
			Name: "unsnooze", ZH: "取消静音", Aliases: []string{"unmute", "解除静音"}, Args: []Arg{one("DAG|ID|all", "DAG|编号|全部")}, Role: roles.Operator, Changes: true,
			Help: Text{"ends a silence", "结束静音"}, More: Text{"One of all alerts takes the role admin.", "结束全部告警的静音需要 admin 角色。"}, Example: "unsnooze etl", Do: doUnsnooze,
		},
	}
}

// definition is a DAG as a scheduler has seen it last, nil for one that none has, or that has had no run in its
// present version: the store keeps versions with their first run.
func (c *Call) definition(ctx context.Context, dagID string) (*dag.DAG, error) {
	version, err := c.API.KnownVersion(ctx, dagID)
	if errors.Is(err, api.ErrNotFound) {
		return nil, nil //nolint:nilnil // there is none yet, and the api says more
	}
	if err != nil {
		return nil, err
	}
	d, err := c.API.DAGOf(ctx, version)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil //nolint:nilnil // the engine knows it, and checks what is given
	}
	return d, err
}

// conf is what pairs give a run of a DAG, which is nil where it is not known.
func (c *Call) conf(d *dag.DAG, pairs []pair) (json.RawMessage, error) {
	if len(pairs) == 0 {
		return nil, nil
	}
	values := map[string]any{}
	for _, p := range pairs {
		if _, twice := values[p.key]; twice {
			return nil, c.Refuse("%s is given twice.", "%s 给了两次。", code(p.key))
		}
		var schema map[string]any
		if d != nil {
			if near := yamlvalue.Nearest(p.key, slices.Values(d.ParamNames)); near != "" && near != p.key && !slices.Contains(d.ParamNames, p.key) {
				return nil, c.Refuse("%s has no param %s; did you mean %s?", "%s 没有参数 %s；您是想用 %s 吗？", bold(d.ID), code(p.key), code(near))
			}
			schema = d.ParamSchemas[p.key]
		}
		v, err := p.read(schema)
		if err != nil {
			return nil, c.Refuse("The value of %s at character %d cannot be read: %s. Put it in quotes if it is a text.", "第 %[2]d 个字符处 %[1]s 的值无法识别：%[3]s。如果是文本请加引号。", code(p.key), p.at, esc(err.Error()))
		}
		values[p.key] = v
	}
	out, err := json.Marshal(values)
	if err != nil {
		return nil, c.Refuse("The values cannot be written as JSON: %s", "参数无法写成 JSON：%s", esc(err.Error()))
	}
	return out, nil
}

// read is the value of a pair: a text in quotes, else what the schema makes of it.
func (p *pair) read(schema map[string]any) (any, error) {
	if p.quoted {
		return p.value, nil
	}
	return params.FromText(schema, p.value)
}

func doTrigger(ctx context.Context, c *Call) (Answer, error) {
	d, err := c.DAG(ctx, c.Arg(0))
	if err != nil {
		return Answer{}, err
	}
	def, err := c.definition(ctx, d.DAGID)
	if err != nil {
		return Answer{}, err
	}
	conf, err := c.conf(def, c.parsed.pairs)
	if err != nil {
		return Answer{}, err
	}
	done, err := c.API.Trigger(ctx, api.Trigger{DAGID: d.DAGID, Conf: conf})
	for n := 0; n < 20 && errors.Is(err, api.ErrExists); n++ { // somebody else has triggered it in this very millisecond
		done, err = c.API.Trigger(ctx, api.Trigger{DAGID: d.DAGID, Conf: conf})
	}
	if err != nil {
		return Answer{}, err
	}
	p := page{title: c.Say("%s triggered", "已触发 %s", d.DAGID)}
	p.say(c.Say("▶️ %s triggered: run %s, tasks: %d", "▶️ 已触发 %s：运行 %s，%d 个任务", bold(d.DAGID), code(done.Run.RunID), done.Tasks))
	if len(conf) > 0 {
		p.say(c.Say("with %s", "参数 %s", code(clip(c.mask(string(conf)), maxItem))))
	}
	if done.Paused {
		p.say(c.Say("⏸ The DAG is paused: the run stays queued until %s.", "⏸ DAG 已暂停：运行将排队，直到 %s。", code(c.typed("unpause", "恢复", d.DAGID))))
	}
	for _, w := range done.Warnings {
		p.say("⚠️ " + esc(w))
	}
	p.end(c.next(c.typed("status", "状态", d.DAGID)))
	a := p.answer(c.Lang)
	a.Follow = c.follow(d.DAGID, done.Run.RunID)
	return a, nil
}

// follow is a run that the conversation wants to see, with times in the zone of the answer.
func (c *Call) follow(dagID, runID string) *Follow { return &Follow{dagID, runID, c.zone.String()} }

// repeated answers a message whose change was committed before, of which only the answer was lost. Its error wraps
// store.ErrNotFound when none was.
func (c *Call) repeated(ctx context.Context) (Answer, error) {
	e, err := c.commands.o.Done(ctx, c.Actor().Ref)
	if err != nil {
		return Answer{}, err
	}
	if e.DAGID != "" {
		if _, err := c.toZoneOf(ctx, e.DAGID); err != nil {
			return Answer{}, err
		}
	}
	p := page{title: c.Say("Done", "已执行")}
	words := []string{c.Say("✅ Carried out already at %s: %s", "✅ 已于 %s 执行：%s", c.date(&e.At), esc(string(e.Kind)))}
	for _, id := range []string{e.DAGID, e.RunID, e.TaskID} {
		if id != "" {
			words = append(words, code(id))
		}
	}
	p.say(strings.Join(words, " "))
	a := p.answer(c.Lang)
	if e.RunID != "" && (e.Kind == store.EventTrigger || e.Kind == store.EventClear) {
		a.Follow = c.follow(e.DAGID, e.RunID)
	}
	return a, nil
}

// isRun reports whether a run is meant where a task can stand.
func isRun(word string) bool { return word == "run" || word == "运行" }

// clearRun clears all tasks of a run, or those that failed.
func clearRun(ctx context.Context, c *Call) (Answer, error) {
	if c.Has("downstream") || c.Has("upstream") {
		return Answer{}, &usageError{c.spec, c.Lang, c.Say("A whole run has nothing upstream or downstream.", "整个运行没有上下游。")}
	}
	if _, err := c.DAG(ctx, c.Arg(0)); err != nil {
		return Answer{}, err
	}
	r, err := c.Run(ctx, c.Arg(0), c.Arg(2))
	if err != nil {
		return Answer{}, err
	}
	done, err := c.API.Clear(ctx, api.ClearRequest{DAGID: r.DAGID, RunID: r.RunID, OnlyFailed: c.Has("failed"), Latest: c.Has("latest_version")})
	if err != nil {
		return Answer{}, err
	}
	if done.Instances() == 0 {
		return Answer{}, c.Refuse("There is nothing to clear in %s.", "%s 中没有可重跑的内容。", code(r.RunID))
	}
	a := c.altered(done, c.Say("🔁 cleared", "🔁 已重跑"))
	a.Follow = c.follow(r.DAGID, r.RunID)
	return a, nil
}

func doClear(ctx context.Context, c *Call) (Answer, error) {
	if isRun(c.Arg(1)) {
		return clearRun(ctx, c)
	}
	is, taskID, mapIndex, err := c.taskOf(ctx, c.Arg(0), c.Arg(1), c.Arg(2))
	if err != nil {
		return Answer{}, err
	}
	if mapIndex >= 0 {
		return Answer{}, c.Refuse("One instance of a mapped task cannot be cleared: %s clears those that failed.", "不能只重跑映射任务的一个实例：%s 重跑失败的实例。",
			code(c.typed("clear", "重跑", is.Run.DAGID, taskID)+c.Say(" failed", " 失败")))
	}
	done, err := c.API.Clear(ctx, api.ClearRequest{
		DAGID: is.Run.DAGID, RunID: is.Run.RunID, TaskIDs: []string{taskID}, Downstream: c.Has("downstream"), Upstream: c.Has("upstream"), OnlyFailed: c.Has("failed"),
		Latest: c.Has("latest_version"),
	})
	if err != nil {
		return Answer{}, err
	}
	if done.Instances() == 0 {
		return Answer{}, c.Refuse("There is nothing to clear: %s has not run in %s, or did not fail.", "没有可重跑的内容：%s 在 %s 中尚未运行，或没有失败。", bold(taskID), code(is.Run.RunID))
	}
	a := c.altered(done, c.Say("🔁 cleared", "🔁 已重跑"))
	a.Follow = c.follow(is.Run.DAGID, is.Run.RunID)
	return a, nil
}

// altered tells what became of task instances.
func (c *Call) altered(done *api.Altered, what string) Answer {
	p := page{title: what + " " + done.DAGID}
	for _, r := range done.Runs {
		p.say(what + " " + bold(done.DAGID) + " " + code(r.RunID) + c.change(string(r.From), string(r.State)))
		for _, in := range r.Instances {
			label := api.Instance{TaskID: in.TaskID, MapIndex: in.MapIndex}
			p.item(bold(label.Label()) + c.change(in.From.String(), in.State.String()))
		}
	}
	if done.Paused {
		p.end(c.Say("⏸ The DAG is paused: nothing starts until %s.", "⏸ DAG 已暂停：直到 %s 才会启动。", code(c.typed("unpause", "恢复", done.DAGID))))
	}
	p.end(c.next(c.typed("status", "状态", done.DAGID)))
	return p.answer(c.Lang)
}

// change is a state before and after, or the state if it is the same.
func (c *Call) change(from, to string) string {
	if from == to {
		return " " + c.state(to)
	}
	return " " + c.state(from) + " → " + c.state(to)
}

func doMark(ctx context.Context, c *Call) (Answer, error) {
	q := api.MarkRequest{DAGID: c.Arg(0), Upstream: c.Has("upstream"), Downstream: c.Has("downstream")}
	switch success, failed := c.Has("success"), c.Has("failed"); {
	case success == failed:
		return Answer{}, &usageError{c.spec, c.Lang, c.Say("Say either success or failed.", "请写“成功”或“失败”之一。")}
	case success:
		q.State = dag.Success
	default:
		q.State = dag.Failed
	}
	if _, err := c.DAG(ctx, q.DAGID); err != nil {
		return Answer{}, err
	}
	r, err := c.Run(ctx, q.DAGID, c.Arg(2))
	if err != nil {
		return Answer{}, err
	}
	q.RunID = r.RunID
	if !isRun(c.Arg(1)) {
		is, err := c.API.Instances(ctx, q.DAGID, q.RunID)
		if err != nil {
			return Answer{}, err
		}
		var mapIndex int
		if q.TaskID, mapIndex, err = c.Task(is, c.Arg(1)); err != nil {
			return Answer{}, err
		}
		if mapIndex >= 0 {
			return Answer{}, c.Refuse("One instance of a mapped task cannot be marked: name the task.", "不能只标记映射任务的一个实例：请写任务名。")
		}
	} else if q.Upstream || q.Downstream {
		return Answer{}, c.Refuse("A whole run has nothing upstream or downstream.", "整个运行没有上游或下游。")
	}
	done, err := c.API.Mark(ctx, q)
	if err != nil {
		return Answer{}, err
	}
	if len(done.Runs) == 0 {
		return Answer{}, c.Refuse("There is nothing to mark: it is %s already.", "无需标记：已经是%s。", c.state(string(q.State)))
	}
	return c.altered(done, c.Say("✏️ marked", "✏️ 已标记")), nil
}

func doPause(paused bool) func(context.Context, *Call) (Answer, error) {
	return func(ctx context.Context, c *Call) (Answer, error) {
		d, err := c.DAG(ctx, c.Arg(0))
		if err != nil {
			return Answer{}, err
		}
		if d.Paused == paused {
			return Answer{Text: c.Say("%s %s already.", "%s %s。", bold(d.DAGID), map[bool]string{true: c.Say("is paused", "已经是暂停状态"), false: c.Say("is not paused", "没有暂停")}[paused])}, nil
		}
		if err := c.API.Pause(ctx, d.DAGID, paused); err != nil {
			return Answer{}, err
		}
		p := page{title: c.Say("%s runs again", "已恢复 %s", d.DAGID)}
		if paused {
			p.title = c.Say("%s is paused", "已暂停 %s", d.DAGID)
			p.say(c.Say("⏸ %s is paused: it gets no new runs, and its runs start no new tasks.", "⏸ 已暂停 %s：不再有新的运行，现有运行不再启动任务。", bold(d.DAGID)))
			p.end(c.next(c.typed("unpause", "恢复", d.DAGID)))
		} else {
			p.say(c.Say("▶️ %s runs again.", "▶️ 已恢复 %s。", bold(d.DAGID)))
			if d.NextRun != nil {
				p.say(c.Say("Next: %s", "下次：%s", c.whole(d.NextRun)))
			}
			p.end(c.next(c.typed("status", "状态", d.DAGID)))
		}
		return p.answer(c.Lang), nil
	}
}

func doBackfill(ctx context.Context, c *Call) (Answer, error) {
	d, err := c.DAG(ctx, c.Arg(0))
	if err != nil {
		return Answer{}, err
	}
	q := api.BackfillRequest{DAGID: d.DAGID, Backwards: c.Has("backwards"), Latest: !c.Has("own_version")}
	if q.From, _, err = c.parseDate(c.Arg(1)); err != nil {
		return Answer{}, err
	}
	if q.To, _, err = c.parseDate(c.Arg(2)); err != nil {
		return Answer{}, err
	}
	var params []pair
	for _, p := range c.parsed.pairs {
		switch p.key {
		case "reprocess":
			q.Reprocess = store.Reprocess(p.value)
		case "runs":
			if q.MaxActiveRuns, err = strconv.Atoi(p.value); err != nil || q.MaxActiveRuns < 1 {
				return Answer{}, c.Refuse("%s must be a whole number above 0.", "%s 必须是大于 0 的整数。", code("runs="+p.value))
			}
		default:
			params = append(params, p)
		}
	}
	def, err := c.definition(ctx, d.DAGID)
	if err != nil {
		return Answer{}, err
	}
	if q.Conf, err = c.conf(def, params); err != nil {
		return Answer{}, err
	}
	done, err := c.API.CreateBackfill(ctx, q)
	if err != nil {
		return Answer{}, err
	}
	p := page{title: c.Say("Backfill of %s", "补数 %s", d.DAGID)}
	p.say(c.Say("⏩ Backfill %d of %s: %s to %s", "⏩ 补数 %d：%s，%s 至 %s", done.ID, bold(d.DAGID), c.whole(&q.From), c.whole(&q.To)))
	for _, outcome := range slices.Sorted(maps.Keys(done.Dates)) {
		p.item(fmt.Sprintf("%d × %s", done.Dates[outcome], esc(string(outcome))))
	}
	if done.Paused {
		p.end(c.Say("⏸ The DAG is paused: no run starts until %s.", "⏸ DAG 已暂停：直到 %s 才会启动运行。", code(c.typed("unpause", "恢复", d.DAGID))))
	}
	p.end(c.next(c.typed("runs", "运行", d.DAGID)))
	return p.answer(c.Lang), nil
}

func doAck(ctx context.Context, c *Call) (Answer, error) {
	q, what := api.AlertQuery{}, c.Arg(0)
	numbers := strings.FieldsFunc(what, func(r rune) bool { return strings.ContainsRune(",，、#", r) })
	for _, n := range numbers {
		id, err := strconv.ParseInt(n, 10, 64)
		if err != nil {
			q.IDs = nil
			break
		}
		q.IDs = append(q.IDs, id)
	}
	if len(q.IDs) == 0 {
		d, err := c.DAG(ctx, what)
		if err != nil {
			return Answer{}, err
		}
		q.DAGID = d.DAGID
	}
	n, err := c.API.AckAlerts(ctx, q, c.Rest())
	if errors.Is(err, api.ErrNotFound) {
		return Answer{}, c.Refuse("There is no alert %s. %s lists those that wait.", "没有告警 %s。发送 %s 查看未确认的告警。", code(what), code(c.Say("alerts", "告警")))
	}
	if err != nil {
		return Answer{}, err
	}
	if n == 0 {
		if q.DAGID != "" {
			return Answer{Text: c.Say("%s has no alert that is not acknowledged.", "%s 没有未确认的告警。", bold(q.DAGID))}, nil
		}
		by, err := c.API.Alerts(ctx, api.AlertQuery{IDs: q.IDs[:1]})
		if err != nil {
			return Answer{}, err
		}
		if len(by.Items) == 1 && by.Items[0].AckedAt != nil {
			return Answer{Text: c.Say("%s was acknowledged by %s at %s.", "%s 已由 %s 于 %s 确认。", code(what), bold(by.Items[0].AckedBy), c.date(by.Items[0].AckedAt))}, nil
		}
		return Answer{Text: c.Say("They were acknowledged before.", "之前已经确认过。")}, nil
	}
	text := c.Say("👀 %s has seen %s (%d).", "👀 %s 已确认 %s（%d 条）。", bold(c.Sender.Nick), code(what), n)
	if c.Rest() != "" {
		text += " " + esc(c.mask(c.Rest()))
	}
	return Answer{Title: c.Say("Acknowledged", "已确认"), Text: text}, nil
}

// chineseUnit is a unit of time with which a duration may end.
var chineseUnit = regexp.MustCompile(`^([0-9.]+)个?(周|星期|天|日|小时|钟头|分钟|分|秒钟|秒)$`)

// duration reads how long something lasts.
func duration(text string) (time.Duration, error) {
	if m := chineseUnit.FindStringSubmatch(text); m != nil {
		text = m[1] + map[string]string{"周": "w", "星期": "w", "天": "d", "日": "d", "小时": "h", "钟头": "h", "分钟": "m", "分": "m", "秒钟": "s", "秒": "s"}[m[2]]
	}
	return yamlvalue.ParseDuration(text)
}

// everything reports whether a word means all DAGs.
func everything(text string) bool {
	return slices.Contains([]string{"all", "全部", "所有"}, strings.ToLower(text)) || strings.Trim(text, "*") == ""
}

// wide reports whether a pattern of ids means all DAGs, or could: it has no character of its own, or leaves none out of
// those that there are.
func (c *Call) wide(ctx context.Context, pattern string) (bool, error) {
	if !strings.ContainsAny(pattern, `*?[`) {
		return false, nil
	}
	own := false
	for rest := pattern; rest != "" && !own; {
		switch first := rest[0]; first {
		case '*', '?':
			rest = rest[1:]
		case '[':
			_, behind, closed := strings.Cut(rest, "]")
			if !closed {
				return false, nil // no pattern, which is an error
			}
			rest = behind
		default:
			own = true
		}
	}
	if !own {
		return true, nil
	}
	all, _, err := c.API.DAGs(ctx, api.DAGQuery{})
	if err != nil {
		return false, err
	}
	outside := slices.ContainsFunc(all.Items, func(d api.DAG) bool {
		ok, err := path.Match(pattern, d.DAGID)
		return err != nil || !ok
	})
	return len(all.Items) > 1 && !outside, nil
}

// concernsAll reports whether a silence is not of some DAGs alone that somebody asked for.
func (c *Call) concernsAll(ctx context.Context, s *api.Silence) (bool, error) {
	if s.Kind == store.SilenceMaintenance || len(s.DAGs) == 0 {
		return true, nil
	}
	for _, pattern := range s.DAGs {
		if wide, err := c.wide(ctx, pattern); err != nil || wide {
			return wide, err
		}
	}
	return false, nil
}

func doSnooze(ctx context.Context, c *Call) (Answer, error) {
	what := c.Arg(0)
	d, err := duration(c.Arg(1))
	if err != nil || d <= 0 {
		return Answer{}, c.Refuse("%s is not a duration: write 30m, 2h or 1d.", "%s 不是时长：请写成 30m、2h、1d，或 30分钟、2小时、1天。", code(yamlvalue.Excerpt(c.Arg(1))))
	}
	q := api.Snooze{Until: c.Now.Add(d), Reason: c.Rest()}
	switch {
	case everything(what):
		if err := c.Need(roles.Admin); err != nil {
			return Answer{}, err
		}
		q.All = true
	case strings.ContainsAny(what, "*?["):
		q.DAGID = what
		if wide, err := c.wide(ctx, what); err != nil {
			return Answer{}, err
		} else if wide {
			if err := c.Need(roles.Admin); err != nil {
				return Answer{}, err
			}
		}
	default:
		found, err := c.DAG(ctx, what)
		if err != nil {
			return Answer{}, err
		}
		q.DAGID = found.DAGID
	}
	s, err := c.API.Snooze(ctx, q)
	if err != nil {
		return Answer{}, err
	}
	p := page{title: c.Say("Snoozed", "已静音")}
	p.say(c.Say("🔕 Silent until %s: %s (snooze %d)", "🔕 静音至 %s：%s（静音 %d）", c.date(&s.Until), bold(s.What), s.ID))
	for _, w := range s.Warnings {
		p.say("⚠️ " + esc(w))
	}
	p.end(c.next(c.typed("unsnooze", "取消静音", strconv.FormatInt(s.ID, 10))))
	return p.answer(c.Lang), nil
}

// unsnoozable refuses to end by its number or robot what takes an admin to make.
func (c *Call) unsnoozable(ctx context.Context, what string) error {
	open, err := c.API.Silences(ctx, false, 0)
	if err != nil {
		return err
	}
	for _, s := range open {
		if strconv.FormatInt(s.ID, 10) != what && !slices.Contains(s.DAGs, what) && !slices.Contains(s.Robots, what) {
			continue
		}
		all, err := c.concernsAll(ctx, &s)
		if err == nil && all {
			err = c.Need(roles.Admin)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func doUnsnooze(ctx context.Context, c *Call) (Answer, error) {
	var ended []api.Silence
	var err error
	if what := c.Arg(0); everything(what) {
		if err = c.Need(roles.Admin); err != nil {
			return Answer{}, err
		}
		ended, err = c.API.UnsnoozeAll(ctx)
	} else {
		if err = c.unsnoozable(ctx, what); err != nil {
			return Answer{}, err
		}
		ended, err = c.API.Unsnooze(ctx, what)
	}
	if errors.Is(err, api.ErrNotFound) {
		return Answer{}, c.Refuse("Nothing of that name is silent. %s lists what is.", "没有这样的静音。发送 %s 查看。", code(c.Say("alerts", "告警")))
	}
	if err != nil {
		return Answer{}, err
	}
	p := page{title: c.Say("Silence ended", "静音结束")}
	p.say(c.Say("🔔 Alerts are sent again:", "🔔 告警恢复发送："))
	for _, s := range ended {
		p.item(c.Say("%s: %d were kept back", "%s：拦下了 %d 条", bold(s.What), s.Silenced))
	}
	return p.answer(c.Lang), nil
}
