package command_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/api"
	"github.com/dingdag/dingdag/chat/command"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
)

func TestWhoMay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.extra = `{"user_id": "owner"}`
	for _, text := range []string{"help", "whoami", "我是谁", "trigger etl"} {
		assert.Regexp(t, "members only|本组织成员", w.refuses("", text))
	}
	assert.Contains(t, w.refuses("nobody", "status etl"), "**Nick of nobody**, you may not do that here: it takes the role viewer, and yours is nobody. Somebody who runs dingdag can add your userid `nobody` to `chat_viewers`")
	assert.Contains(t, w.refuses("nobody", "帮助"), "需要角色 viewer，您目前的角色是 nobody。请管理员把您的 userid `nobody` 加到 `chat_viewers`")
	assert.Contains(t, w.refuses("vera", "pause etl"), "it takes the role operator, and yours is viewer")
	assert.Contains(t, w.refuses("opal", "snooze all 1h"), "it takes the role admin")
	assert.Contains(t, w.refuses("opal", "取消静音 全部"), "需要角色 admin")
	w.says("opal", "pause etl")
	w.says("owner", "snooze all 1h")

	assert.Equal(t, "**Nick of nobody** · userid `nobody` · role **nobody**\n\nNo setting gives you a role. Somebody who runs dingdag can add your userid to `chat_viewers`, `chat_operators` or `chat_admins`.", w.says("nobody", "whoami"))
	assert.Equal(t, "**Nick of opal** · userid `opal` · 角色 **operator**\n\n来自设置 `chat_operators` 中的 `opal`", w.says("opal", "我是谁"))
	assert.Contains(t, w.says("owner", "whoami"), "by `user_id` of connection `app`")
}

// What may be changed changes nothing when it is refused.
func TestRefusedCommandsChangeNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, text := range []string{"trigger etl", "pause etl", "clear etl load", "snooze etl 1h", "backfill etl 2026-01-01 2026-01-02"} {
		w.refuses("vera", text)
		w.refuses("", text)
	}
	es, err := w.api.Events(t.Context(), api.EventQuery{})
	require.NoError(t, err)
	assert.Empty(t, es.Items)
}

// Where lists need the directory and that is away, nobody gets more than his userid gives.
func TestDirectoryIsAway(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, func(w *world) { w.lists.Admins = []string{"dept:7"} })
	w.dirs.err = errors.New("no_permission from DingTalk")
	w.says("opal", "pause etl")
	text := w.refuses("opal", "snooze all 1h")
	assert.Contains(t, text, "cannot be looked up now, so it is refused: look up the departments and roles of opal: no\\_permission from DingTalk")
	assert.Contains(t, w.refuses("x", "状态 etl"), "现在无法查询您的权限")
	assert.Contains(t, w.says("x", "whoami"), "role **nobody**\n\n⚠️ Whether you have a greater role cannot be looked up now")
}

func TestCommandsOfAConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, extra := range []string{`{"commands": "status, 暂停"}`, `{"commands": ["status", "pause"]}`} {
		w.extra = extra
		w.says("adam", "pause etl")
		w.says("adam", "help")
		w.says("adam", "whoami")
		assert.Equal(t, "⚠️ The command `trigger` is switched off here, by `commands` of the connection's extra.", w.refuses("adam", "trigger etl"))
		assert.NotContains(t, w.says("adam", "help"), "`trigger")
		assert.Contains(t, w.says("adam", "help"), "`pause DAG`")
	}
	w.extra = `{"commands": true}`
	w.says("adam", "unpause etl")
	w.extra = `{"commands": false}`
	w.refuses("adam", "dags")
	w.says("adam", "help")
	for _, extra := range []string{`{"commands": "status, pauze"}`, `{"commands": 3}`, `{`} {
		w.extra = extra
		assert.Contains(t, w.refuses("adam", "pause etl"), "I cannot see which commands are allowed here")
	}
	w.extra = `{"commands": "pauze"}`
	assert.Contains(t, w.refuses("adam", "help"), `there is no command "pauze"; did you mean "pause"?`)
}

func TestWhatIsNoCommand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	assert.Equal(t, "⚠️ There is no command `stauts`; did you mean `status`? `help` lists all.", w.refuses("vera", "stauts etl"))
	assert.Equal(t, "⚠️ 没有命令 `状太`。发送 `帮助` 查看全部。", w.refuses("vera", "状太 etl"))
	assert.Equal(t, "⚠️ There is no command `xyz`. `help` lists all.", w.refuses("vera", "/xyz"))
	assert.Contains(t, w.refuses("vera", "  @Bot "), "`help` lists the commands")
	assert.Contains(t, w.refuses("vera", `"status`), `the quote " at character 1 has no end`)
	assert.Contains(t, w.refuses("opal", `trigger by_hand any="x`), `I cannot read this: the quote " at character 21 has no end. Use quotes in pairs, or none.`)
	assert.Contains(t, w.refuses("opal", "触发 by_hand any=“x"), "第 16 个字符处的引号 “ 没有配对")
	assert.Contains(t, w.refuses("vera", strings.Repeat("长", 6667)), "消息有 20001 字节，最多 20000 字节")
	assert.Contains(t, w.refuses("vera", "status "+strings.Repeat("x", 19993)), "There is no DAG `xxxxx")
	assert.Contains(t, w.refuses("vera", "status"), "DAG is missing.\n\nWrite: `status DAG [RUN]`\n\nDetails: `help status`")
	assert.Contains(t, w.refuses("vera", "status etl latest more"), "I do not know what `more` at character 19 is for.")
	assert.Contains(t, w.refuses("vera", "状态"), "缺少 DAG。\n\n写法：`状态 DAG [运行]`\n\n详情：`帮助 状态`")

	for kind, want := range map[string]string{"picture": "picture", "file": "file", "video": "video", "unknownMsgType": "unknownMsgType"} {
		r := w.request("vera", "")
		r.Kind = kind
		a, err := w.Do(t.Context(), r)
		require.NoError(t, err)
		assert.True(t, a.Refused)
		assert.Contains(t, a.Text, want)
		assert.Contains(t, a.Text, "I read text and voice, not this")
	}
	r := w.request("vera", "")
	r.Kind = "audio"
	a, err := w.Do(t.Context(), r)
	require.NoError(t, err)
	assert.Contains(t, a.Text, "Nothing was recognised")
	r = w.request("vera", "我是谁")
	r.Kind = "audio"
	a, err = w.Do(t.Context(), r)
	require.NoError(t, err)
	assert.Contains(t, a.Text, "角色 **viewer**")
}

func TestHelp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	viewer, operator := w.says("vera", "help"), w.says("opal", "帮助")
	assert.Contains(t, viewer, "- `status DAG [RUN]` tells how a run goes")
	assert.NotContains(t, viewer, "trigger")
	assert.Contains(t, operator, "- `触发 DAG [参数=…]` 启动一次运行")
	assert.Contains(t, operator, "`确认 编号|DAG [备注]`")
	assert.Contains(t, w.says("vera", "help trigger"), "`trigger DAG [key=…]`\n\nstarts a run, and tells when it has ended.\n\nValues are read as in YAML")
	assert.Contains(t, w.says("vera", "帮助触发"), "角色：operator")
	assert.Contains(t, w.refuses("vera", "help triger"), "did you mean `trigger`?")
}

func TestDAGsAndRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("by_hand", "manual__a", 2, dag.RunFailed)
	assert.Equal(t, "DAGs: 3\n\n- **by\\_hand** ❌ failed\n- **etl** · next 2026-02-28 22:00 UTC\n- **resting** ⏸ paused", w.says("vera", "dags"))
	assert.Contains(t, w.says("vera", "列表 sales"), "共 1 个 DAG\n\n- **etl**")
	assert.Contains(t, w.refuses("vera", "dags nothing"), "No DAG has `nothing`")
	assert.Equal(t, "There are no runs yet.", w.says("vera", "runs etl"))
	for n := range 12 {
		w.run("etl", fmt.Sprintf("manual__%02d", n), n+1, dag.RunSuccess)
	}
	all := w.says("vera", "runs etl")
	assert.Contains(t, all, "**etl**\n\n- ✅ success `manual__00` · ended 19:01 CST, took 1 min 30 s\n")
	assert.Contains(t, all, "- … 2 more")
	assert.Contains(t, w.says("vera", "runs"), "- **by\\_hand** ❌ failed `manual__a` · ended 10:01 UTC, took 1 min 30 s")
}

func TestUnknownNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.failedRun("manual__2026-03-01T01:00:00", 3)
	w.run("etl", "manual__2026-02-28T01:00:00", 20, dag.RunSuccess)
	w.run("etl", "scheduled__2026-02-27T22:00:00+00:00", 40, dag.RunSuccess)
	for text, want := range map[string]string{
		"status elt":                 "There is no DAG `elt`; did you mean `etl`?",
		"status hand":                "There is no DAG `hand`; did you mean `by_hand`?",
		"状态 foo":                     "没有 DAG `foo`。发送 `列表` 查看全部。",
		"logs etl laod":              "**etl** has no task `laod`; did you mean `load`?",
		"logs etl zzz":               "**etl** has no task `zzz`. Its tasks: `extract`, `load`, `report_x`",
		"logs etl load[2]":           "`load` has no instance 2 in this run",
		"logs etl load[x]":           "`load[x]` is not an instance of a task",
		"logs etl load try=x":        "`try=x` is not understood",
		"logs etl load try=7":        "try 7 of load has not begun",
		"status by_hand":             "**by\\_hand** has not run yet.",
		"status etl nothing":         "**etl** has no run `nothing`. `runs etl` lists them.",
		"status etl manual__":        "`manual__` may be one of 2 runs of **etl**. Write more of its id:\n\n- ❌ failed `manual__2026-03-01T01:00:00`",
		"status etl 2026-01-05":      "has no run `2026-01-05`",
		"status etl 2026-03-01T25:0": "has no run",
	} {
		assert.Contains(t, w.refuses("vera", text), want, text)
	}
	for text, run := range map[string]string{
		"":                            "manual__2026-03-01T01:00:00",
		"latest":                      "manual__2026-03-01T01:00:00",
		"最新":                          "manual__2026-03-01T01:00:00",
		"manual__2026-02-28T01:00:00": "manual__2026-02-28T01:00:00",
		"2026-02-28T01":               "manual__2026-02-28T01:00:00",
		"scheduled":                   "scheduled__2026-02-27T22:00:00+00:00",
		"2026-03-01T17:00":            "manual__2026-03-01T01:00:00", // its logical date in Shanghai
		"2026-03-01T09:00:00Z":        "manual__2026-03-01T01:00:00",
		"２０２６-０３-０１T００：００": "manual__2026-02-28T01:00:00", // 20 hours ago is midnight there
	} {
		assert.Contains(t, w.says("vera", "status etl "+text), "`"+run+"`", text)
	}
}

func TestStatusOfAFailedRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.failedRun("manual__a", 3)
	assert.Equal(t, `**etl** ❌ failed `+"`manual__a`"+` · ended 17:01 CST, took 1 min 30 s

Logical date: 2026-03-01 17:00 CST

1 ✅ success · 1 ❌ failed · 1 🚫 upstream_failed

- **load** ❌ failed 17:01 CST (2 h 59 min ago), try 2  
  ValueError: no \*rows\* for \*\*\*  
  blocks report\_x

Next: `+"`logs etl load` · `clear etl load downstream`", w.says("vera", "status etl"))
	zh := w.says("vera", "状态 etl")
	assert.Contains(t, zh, "- **load** ❌ 失败 17:01 CST（2 小时 59 分前），第 2 次尝试")
	assert.Contains(t, zh, "接下来：`日志 etl load` · `重跑 etl load 下游`")

	w.run("etl", "manual__b", 1, dag.RunRunning, &store.Instance{TaskID: "extract", MapIndex: -1, State: dag.Running, Try: 1, StartDate: now.Add(-time.Minute)})
	text := w.says("vera", "status etl")
	assert.Contains(t, text, "🔵 running `manual__b` · since 19:00 CST (1 h ago)")
	assert.Contains(t, text, "- **extract** runs since 19:59 CST (1 min ago)")
	assert.Contains(t, text, "Next: `why etl load`")
	assert.Contains(t, w.says("vera", "status etl manual__a"), "`clear etl load manual__a downstream`", "it is not the newest any more")
}

func TestWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run("etl", "manual__b", 1, dag.RunRunning, &store.Instance{TaskID: "extract", MapIndex: -1, State: dag.Running, Try: 1, StartDate: now.Add(-time.Minute)})
	for _, text := range []string{"why etl load", "why etl load manual__b", "why load"} {
		assert.Regexp(t, "(?s)\\*\\*etl.load\\*\\* `manual__b`.*- \\*\\*load\\*\\* none: .*extract", w.says("vera", text), text)
	}
	w.run("by_hand", "manual__c", 1, dag.RunQueued)
	text := w.refuses("vera", "为什么 load")
	assert.Contains(t, text, "2 个 DAG 有任务 `load`")
	assert.Contains(t, text, "- `为什么 by_hand load`")
	text = w.says("vera", "why etl")
	assert.Contains(t, text, "**etl** was due at 2026-03-01 06:00 CST")
	assert.Contains(t, text, "- **load** none: ")
	assert.Contains(t, w.says("vera", "why by_hand"), "**by\\_hand** was not due")
	assert.Contains(t, w.refuses("vera", "why laod"), "There is no DAG `laod`")
}

func TestLogs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.failedRun("manual__a", 3)
	a := w.do("vera", "logs etl load")
	assert.Nil(t, a.File)
	assert.Equal(t, "**etl.load** ❌ failed `manual__a`\n\n```\none\n*** two\n```", a.Text)

	path := filepath.Join(w.dir, "dag_id=etl", "run_id="+r.RunID, "task_id=load", "attempt=2.log")
	_, err := os.Stat(path)
	require.NoError(t, err)
	var b strings.Builder
	for n := range 200000 {
		fmt.Fprintf(&b, "line %d ```\x1b[31m\n", n)
	}
	require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o600))
	a = w.do("vera", "日志 etl load")
	assert.Contains(t, a.Text, "line 199999 ```\n````")
	assert.NotContains(t, a.Text, "line 199969 ")
	assert.Contains(t, a.Text, "文件只含最后 1 MiB")
	require.NotNil(t, a.File)
	assert.Equal(t, "etl-load-manual__a.log", a.File.Name)
	assert.LessOrEqual(t, len(a.File.Content), 1<<20)
	assert.True(t, strings.HasPrefix(string(a.File.Content), "line "), "it begins with a whole line")
	require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("长", 9000)), 0o600))
	a = w.do("vera", "logs etl load try=2")
	require.NotNil(t, a.File)
	assert.Less(t, utf8.RuneCountInString(a.Text), 3500)
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	assert.Contains(t, w.says("vera", "logs etl load"), "The log is empty.")
	require.NoError(t, os.Remove(path))
	assert.Contains(t, w.refuses("vera", "logs etl load"), "is gone")
	assert.Contains(t, w.refuses("vera", "logs etl report_x"), "no try of it has begun")
}

func TestTrigger(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.do("opal", `trigger by_hand day=007 limit=12 any={a: [1, true]}`)
	assert.True(t, a.Refused, "a blank ends a value")
	a = w.do("opal", `trigger by_hand day=007 limit=12 any="{a: [1, true]}"`)
	require.False(t, a.Refused, a.Text)
	require.NotNil(t, a.Follow)
	r, err := w.api.Run(t.Context(), "by_hand", a.Follow.RunID)
	require.NoError(t, err)
	assert.JSONEq(t, `{"day": "007", "limit": 12, "any": "{a: [1, true]}"}`, string(r.Conf))
	assert.Equal(t, "opal", r.TriggeringUser)
	assert.Equal(t, store.ViaChat, r.TriggeredBy)
	assert.Contains(t, a.Text, "▶️ **by\\_hand** triggered: run `"+r.RunID+"`, tasks: 1")
	for text, conf := range map[string]string{
		"any=[1,yes,null]": `{"any": [1, true, null]}`, "any=2026-01-02": `{"any": "2026-01-02"}`, "any='3' day=monday": `{"any": "3", "day": "monday"}`,
		"any=": `{"any": ""}`, "limit=１２ any=“a b”": `{"limit": 12, "any": "a b"}`, "any=1.5 other=x": `{"any": 1.5, "other": "x"}`, "any=a=b": `{"any": "a=b"}`,
		"day=[x]": `{"day": "[x]"}`, "any=99999999999999999999": `{"any": "99999999999999999999"}`,
	} {
		now := now.Add(time.Duration(w.seq) * time.Minute)
		w.later(now)
		a := w.do("opal", "触发 by_hand "+text)
		require.False(t, a.Refused, a.Text)
		r, err := w.api.Run(t.Context(), "by_hand", a.Follow.RunID)
		require.NoError(t, err)
		assert.JSONEq(t, conf, string(r.Conf), text)
	}
	w.later(now.Add(24 * time.Hour))
	for text, want := range map[string]string{
		"limit=0":       `param "limit": minimum`,
		"limit=x":       `param "limit": `,
		"dya=monday":    "**by\\_hand** has no param `dya`; did you mean `day`?",
		"any=1 any=2":   "`any` is given twice",
		"any=[1":        "The value of `any` at character 17 cannot be read",
		"limit 3":       "`limit` at character 17 is not of the form key=value.",
		"any=*x":        "cannot be read",
		"any=!!foo bar": "is not of the form",
	} {
		assert.Contains(t, w.refuses("opal", "trigger by_hand "+text), want, text)
	}
	assert.Contains(t, w.says("opal", "trigger resting"), "⏸ The DAG is paused: the run stays queued until `unpause resting`.")
	runs, err := w.api.Runs(t.Context(), api.RunQuery{DAGID: "by_hand"})
	require.NoError(t, err)
	assert.Len(t, runs.Items, 10, "those that were refused made none")
}

// A message whose answer was lost is not carried out again.
func TestAMessageIsCarriedOutOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.failedRun("manual__a", 3)
	for text, want := range map[string]string{
		"trigger by_hand": "trigger `by_hand` `manual__", "pause etl": "pause `etl`", "snooze etl 1h": "alert\\_snooze `etl`", "clear etl load": "clear `etl` `manual__a` `load`",
	} {
		r := w.request("opal", text)
		first, err := w.Do(t.Context(), r)
		require.NoError(t, err)
		require.False(t, first.Refused, first.Text)
		again, err := w.Do(t.Context(), r)
		require.NoError(t, err)
		assert.Contains(t, again.Text, "✅ Carried out already at ", text)
		assert.Contains(t, again.Text, want)
		assert.False(t, again.Refused)
		assert.Equal(t, first.Follow, again.Follow, text)
		assert.Equal(t, text == "trigger by_hand" || text == "clear etl load", again.Follow != nil, text)
		other := r
		other.ConnID = "other"
		a, err := w.Do(t.Context(), other)
		require.NoError(t, err)
		assert.NotContains(t, a.Text, "Carried out already", "another application counts for itself")
	}
	es, err := w.api.Events(t.Context(), api.EventQuery{Owner: "opal"})
	require.NoError(t, err)
	n := map[store.EventKind]int{}
	for _, e := range es.Items {
		n[e.Event]++
	}
	assert.Equal(t, 2, n[store.EventAlertSnooze])
	assert.Equal(t, 1, n[store.EventPause], "the other one found it paused")
}

func TestClearAndMark(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.failedRun("manual__a", 3)
	a := w.do("opal", "clear etl load downstream")
	require.False(t, a.Refused, a.Text)
	assert.Contains(t, a.Text, "🔁 cleared **etl** `manual__a` ❌ failed → ⏳ queued")
	assert.Contains(t, a.Text, "- **load** ❌ failed → none")
	assert.Contains(t, a.Text, "- **report\\_x** 🚫 upstream_failed → none")
	assert.Equal(t, &command.Follow{DAGID: "etl", RunID: "manual__a", Timezone: "Asia/Shanghai"}, a.Follow, "its times are in the zone of the DAG")
	assert.Contains(t, w.refuses("opal", "clear etl load"), "There is nothing to clear")

	w.failedRun("manual__run", 4)
	whole := w.do("opal", "clear etl run manual__run failed")
	assert.Contains(t, whole.Text, "- **load** ❌ failed → none")
	assert.Contains(t, whole.Text, "- **report\\_x** 🚫 upstream_failed → none")
	assert.Equal(t, &command.Follow{DAGID: "etl", RunID: "manual__run", Timezone: "Asia/Shanghai"}, whole.Follow)
	assert.Contains(t, w.refuses("opal", "重跑 etl 运行 manual__run 失败"), "没有可重跑的内容")

	w.failedRun("manual__latest", 5)
	assert.Contains(t, w.says("opal", "重跑 etl run manual__latest 失败 最新版本"), "- **load** ❌ 失败 → 未开始", "it has that version")
	w.failedRun("manual__b", 2)
	assert.NotContains(t, w.says("opal", "重跑 etl load"), "report", "downstream was not said")
	w.failedRun("manual__c", 1)
	assert.Contains(t, w.says("opal", "mark etl load success"), "- **load** ❌ failed → ✅ success")
	assert.Contains(t, w.says("opal", "标记 etl run 失败 manual__b"), "`manual__b`")
	r, err := w.api.Run(t.Context(), "etl", "manual__b")
	require.NoError(t, err)
	assert.Equal(t, dag.RunFailed, r.State)
	for text, want := range map[string]string{
		"mark etl load":                     "Say either success or failed.",
		"mark etl load success failed":      "Say either success or failed.",
		"mark etl success":                  "TASK|run is missing",
		"mark etl load success manual__c":   "There is nothing to mark",
		"mark etl run success downstream":   "A whole run has nothing upstream or downstream.",
		"mark etl laod failed":              "did you mean `load`?",
		"clear etl load nothing downstream": "has no run `nothing`",
		"clear etl run downstream":          "A whole run has nothing upstream or downstream.",
		"clear etl run nothing":             "has no run `nothing`",
		"clear nothing run":                 "nothing",
	} {
		assert.Contains(t, w.refuses("opal", text), want, text)
	}
}

func TestPause(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	assert.Contains(t, w.says("opal", "pause etl"), "⏸ **etl** is paused")
	assert.Equal(t, "**etl** is paused already.", w.says("opal", "pause etl"))
	assert.Contains(t, w.says("vera", "dags"), "- **etl** ⏸ paused")
	assert.Contains(t, w.says("opal", "恢复 etl"), "▶️ 已恢复 **etl**。")
	assert.Contains(t, w.refuses("opal", "unpause elt"), "did you mean `etl`?")
}

func TestBackfill(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	text := w.says("opal", "backfill etl 2026-02-01 2026-02-03T23:00 runs=2 backwards")
	assert.Contains(t, text, "⏩ Backfill 1 of **etl**: 2026-02-01 00:00 CST to 2026-02-03 23:00 CST")
	assert.Contains(t, text, "- 3 × ")
	assert.Contains(t, text, "Next: `runs etl`")
	b, err := w.store.Backfill(t.Context(), 1)
	require.NoError(t, err)
	assert.True(t, b.Latest)
	for text, want := range map[string]string{
		"backfill etl 2026-02-01":                            "TO is missing",
		"backfill etl yesterday 2026-02-03":                  "`yesterday` is not a date",
		"backfill etl 2026-02-05 2026-02-03":                 "date",
		"backfill by_hand 2026-02-01 2026-02-03":             "no schedule",
		"backfill etl 2026-02-01 2026-02-03":                 "exists",
		"backfill etl 2026-02-01 2026-02-03 reprocess=often": "often",
		"backfill etl 2026-02-01 2026-02-03 runs=0":          "`runs=0` must be a whole number above 0",
	} {
		assert.Contains(t, w.refuses("opal", text), want, text)
	}
}

func TestAlerts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	assert.Contains(t, w.says("vera", "alerts"), "No alert of the last 24 h")
	w.write(func(ctx context.Context, tx store.Tx) error {
		return tx.InsertDeliveries(ctx, []*store.Delivery{{
			Owner: store.Owner{Event: "on_failure", DAGID: "etl", RunID: "manual__a", TaskID: "load", MapIndex: -1}, Sender: "x", Channel: "x:1",
			Summary: "on_failure of etl.load", State: store.DeliveryDelivered, Payload: []byte("{}"), CreatedAt: now.Add(-time.Hour), UpdatedAt: now,
		}})
	})
	text := w.says("vera", "告警 etl")
	assert.Contains(t, text, "最近 24 小时有 1 条告警未确认：\n\n- **1** 19:00 CST on\\_failure of etl.load · delivered")
	assert.Contains(t, text, "接下来：`确认 1`")
	assert.Equal(t, "👀 **Nick of opal** has seen `1` (1). don't worry, \\*\\*\\*", w.says("opal", "ack 1 don't worry, hush-hush"))
	assert.Contains(t, w.says("opal", "ack 1"), "`1` was acknowledged by **opal**")
	assert.Contains(t, w.says("opal", "确认 etl"), "**etl** 没有未确认的告警。")
	assert.Contains(t, w.refuses("opal", "ack 99"), "There is no alert `99`")
	assert.Contains(t, w.refuses("opal", "ack elt"), "did you mean `etl`?")

	assert.Contains(t, w.says("opal", "静音 etl 1小时 换硬盘"), "🔕 静音至 21:00 CST：**DAG etl**")
	assert.Contains(t, w.says("vera", "alerts"), "(换硬盘)")
	assert.Contains(t, w.says("opal", "snooze etl_* ９０m"), "⚠️ ")
	assert.Contains(t, w.refuses("opal", "snooze etl soon"), "`soon` is not a duration")
	assert.Contains(t, w.refuses("opal", "snooze etl 900d"), "366 days")
	assert.Contains(t, w.says("opal", "unsnooze etl"), "🔔 Alerts are sent again:\n\n- **DAG etl**: 0 were kept back")
	assert.Contains(t, w.refuses("opal", "unsnooze etl"), "Nothing of that name is silent.")
	w.says("adam", "静音 全部 2天")
	w.says("adam", "unsnooze *")
}

// An answer is one that people read on a phone, however much there is.
func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	is := make([]*store.Instance, 300)
	for i := range is {
		is[i] = &store.Instance{TaskID: "load", MapIndex: i, State: dag.Failed, Try: 1, StartDate: now, EndDate: now, Error: strings.Repeat("<*_x_*> ", 200)}
	}
	w.run("etl", "manual__a", 1, dag.RunFailed, is...)
	for _, text := range []string{"status etl", "状态 etl", "clear etl load"} {
		got := w.says("opal", text)
		assert.LessOrEqual(t, utf8.RuneCountInString(got), 3800, text)
		assert.Regexp(t, "… \\d+ more|还有 \\d+ 个", got)
		assert.Regexp(t, "Next: |接下来：", got, "the end is there")
	}
}

// What fails for now is told to the caller, who tries again; it is no answer.
func TestStoreIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, text := range []string{"status etl", "trigger etl", "dags"} {
		_, err := w.Do(ctx, w.request("opal", text))
		require.Error(t, err, text)
	}
}

func TestBindings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	assert.Contains(t, w.says("vera", "bindings"), "Nothing is bound. `bind DAG`")
	assert.Equal(t, "📌 This conversation now gets the alerts and reports of `etl`.\n\nNext: `bindings` · `unbind etl`", w.says("opal", "bind etl"))
	assert.Contains(t, w.says("opal", "绑定 etl"), "已经绑定 `etl`")
	assert.Contains(t, w.says("opal", "绑定 标签：sales"), "`tag:sales`")
	w.says("opal", "bind owner:airflow")
	for text, want := range map[string]string{
		"bind elt":           "did you mean `etl`?",
		"bind owner:x":       "No DAG has the owner `x`. Known: `airflow`",
		"bind tag:sale":      "No DAG has the tag `sale`. Known: `sales`",
		"绑定 负责人:x":           "没有 DAG 的负责人是 `x`。已有：`airflow`",
		"bind group:x":       `"group:x" is none of a DAG, owner:NAME, tag:NAME and \*`,
		"bind tag:":          "names nobody and nothing",
		"bind *":             "it takes the role admin",
		"unbind by_hand":     "This conversation is not bound to `by_hand`, but to `etl`, `tag:sales`, `owner:airflow`.",
		"unbind 99":          "is not bound to `99`",
		"bind etl somewhere": "I do not know what `somewhere`",
	} {
		assert.Contains(t, w.refuses("opal", text), want, text)
	}
	w.refuses("vera", "bind etl")
	w.says("adam", "bind *")
	w.refuses("opal", "unbind *")
	w.refuses("opal", "unbind all")
	assert.Equal(t, "- `etl` by opal (chat), 2026-03-01 12:00 UTC\n- `tag:sales` by opal (chat), 2026-03-01 12:00 UTC\n- `owner:airflow` by opal (chat), 2026-03-01 12:00 UTC\n- `*` by adam (chat), 2026-03-01 12:00 UTC", w.says("vera", "bindings"))

	// Another conversation has its own, of the person who is alone there.
	r := w.request("opal", "bind etl")
	r.ConversationID, r.Group = "cid2", false
	a, err := w.Do(t.Context(), r)
	require.NoError(t, err)
	require.False(t, a.Refused)
	assert.Contains(t, w.says("opal", "unbind etl"), "gets no more of `etl`")
	assert.Contains(t, w.says("adam", "解绑 全部"), "不再接收 `tag:sales`, `owner:airflow`, `*`")
	assert.Contains(t, w.refuses("opal", "unbind 5"), "This conversation is bound to nothing.")
	assert.Equal(t, "- **Nick of opal** `etl` by opal (chat), 2026-03-01 12:00 UTC", w.says("vera", "bindings everywhere"))
	rows, err := w.store.Bindings(t.Context())
	require.NoError(t, err)
	require.Len(t, rows, 1)
	assert.Equal(t, "opal", rows[0].UserID)
	es, err := w.api.Events(t.Context(), api.EventQuery{Events: []store.EventKind{store.EventChatBind, store.EventChatUnbind}})
	require.NoError(t, err)
	assert.Len(t, es.Items, 9)
}

// What would fail later too is answered at once, and holds up nobody; what passes is not.
func TestErrorsThatStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.failedRun("manual__x", 1)
	w.write(func(ctx context.Context, tx store.Tx) error {
		return tx.PutVersion(ctx, "broken", "etl", []byte(`{"hush-hush": 1}`), time.Unix(1, 0))
	})
	i := slices.IndexFunc(w.dags, func(d *dag.DAG) bool { return d.ID == "etl" })
	w.dags[i].Version = "broken"
	w.run("etl", "manual__y", 0, dag.RunFailed, &store.Instance{TaskID: "load", MapIndex: -1, State: dag.Failed, Try: 1, StartDate: now, EndDate: now})
	for _, text := range []string{"clear etl load manual__y", "mark etl load manual__y success"} {
		assert.Contains(t, w.refuses("opal", text), "its version cannot be loaded", text)
	}
	assert.Contains(t, w.refuses("opal", "重跑 etl load manual__y"), "无法执行")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.Do(ctx, w.request("opal", "clear etl load manual__x"))
	require.ErrorIs(t, err, context.Canceled)
}

// What concerns all DAGs takes an admin, by whatever name.
func TestAllByAnotherName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const admin = "it takes the role admin"
	for _, pattern := range []string{"*", "?*", "**?**", "[a-z]*", "*[!x]*", "[a-z]?*[a-z]"} {
		assert.Contains(t, w.refuses("opal", "snooze "+pattern+" 1h"), admin, pattern)
	}
	w.says("opal", "snooze e* 1h")
	w.says("opal", "snooze *t* 1h") // not by_hand
	assert.Contains(t, w.refuses("opal", "snooze [ 1h"), "no pattern")
	w.says("adam", "snooze ?* 2h")
	w.says("adam", "snooze all 2h")
	w.write(func(ctx context.Context, tx store.Tx) error {
		for _, s := range []*store.Silence{
			{Kind: store.SilenceSnooze, Robots: []string{"robot"}, Since: now, Until: now.Add(time.Hour)},
			{Kind: store.SilenceMaintenance, Key: "k", DAGs: []string{"etl"}, Since: now, Until: now.Add(time.Hour)},
		} {
			if _, err := tx.InsertSilence(ctx, s); err != nil {
				return err
			}
		}
		return nil
	})
	for _, what := range []string{"3", "?*", "4", "robot", "5", "6"} {
		assert.Contains(t, w.refuses("opal", "unsnooze "+what), admin, what)
	}
	w.says("opal", "unsnooze 1")
	w.says("opal", "unsnooze *t*")
	for _, what := range []string{"3", "4", "robot", "6"} {
		w.says("adam", "unsnooze "+what)
	}

	w.says("opal", "bind etl")
	w.says("adam", "bind *")
	assert.Contains(t, w.refuses("opal", "unbind 2"), admin)
	w.says("opal", "unbind 1")
	w.says("adam", "unbind 2")
}

// A pattern that leaves out none of the DAGs is as good as all.
func TestAPatternOfAllDAGs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.dags = slices.DeleteFunc(w.dags, func(d *dag.DAG) bool { return d.ID == "by_hand" })
	assert.Contains(t, w.refuses("opal", "snooze *t* 1h"), "it takes the role admin")
	w.dags = slices.DeleteFunc(w.dags, func(d *dag.DAG) bool { return d.ID == "resting" })
	w.says("opal", "snooze *t* 1h")
}

// A connection that was written as a URI has texts in its extra.
func TestCommandsAsText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, on := range []string{`"true"`, `" True "`, `true`, `null`} {
		w.extra = `{"commands": ` + on + `}`
		w.says("vera", "dags")
	}
	for _, off := range []string{`"false"`, `"False"`, `false`} {
		w.extra = `{"commands": ` + off + `}`
		assert.Contains(t, w.refuses("vera", "dags"), "is switched off here", off)
		w.says("vera", "whoami")
	}
}
