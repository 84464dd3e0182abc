package cli_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/cli"
	"github.com/dingdag/dingdag/dags/examples"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
)

// An arrival is what a group sees of a message.
type arrival struct {
	kind string // DingTalk's msgtype
	text string // the beginning of the title, or of the text where there is none
	at   string // who is notified
}

// exampleRuns says of each example how it ends and what arrives in the group, in any
// order.
var exampleRuns = map[string]struct {
	code     int
	arrivals []arrival
}{
	"example_approval":        {0, nil}, // the defaults answer: the release is rejected
	"example_asset_orders":    {0, nil},
	"example_asset_report":    {0, []arrival{{sandbox.TypeText, "数据就绪 Warehouse is up to date (manual)", ""}}},
	"example_branch_free_etl": {0, []arrival{{sandbox.TypeLink, "入库完成 Loaded 1675 rows", ""}}},
	"example_daily_report":    {0, []arrival{{sandbox.TypeMarkdown, "日报 Daily report 2026-01-30", ""}}},
	"example_dingding_operator": {1, []arrival{
		{sandbox.TypeText, "DingTalk text message that reminds nobody", ""},
		{sandbox.TypeText, "DingTalk text message that reminds two people", "13800000001 13800000002"},
		{sandbox.TypeText, "DingTalk text message that reminds one person and one number nobody has", "13800000001"},
		{sandbox.TypeText, "DingTalk text message that reminds everybody", "all"},
		{sandbox.TypeLink, "DingTalk link message", ""},
		{sandbox.TypeMarkdown, "DingTalk markdown message", "13800000001"},
		{sandbox.TypeActionCard, "DingTalk action card with one button", ""},
		{sandbox.TypeActionCard, "DingTalk action card with two buttons", ""},
		{sandbox.TypeFeedCard, "Documentation, Home page", ""},
		{sandbox.TypeText, "任务失败 Task failed: example_dingding_operator / msg_failure_callback: ", "all"},
	}},
	"example_dingtalk_work_notice": {0, []arrival{{sandbox.TypeText, "通知已送达 4 人", ""}}},
	"example_oncall_commands":      {1, []arrival{{sandbox.TypeCard, "任务失败 Task failed: example_oncall_commands.load", ""}}},
	"example_oncall_group":         {0, []arrival{{sandbox.TypeActionCard, "故障 Incident of 2026-01-31", ""}}},
	"example_message_triggers":     {0, []arrival{{sandbox.TypeText, "已发布 Released: nothing", ""}}},
	"example_mapped_stores":        {0, []arrival{{sandbox.TypeMarkdown, "门店日报 Stores 2026-01-31", ""}}},
	"example_python":               {0, []arrival{{sandbox.TypeText, "订单 Orders of 2026-01-31: 1000", ""}}},
	"example_sheet_report":         {0, []arrival{{sandbox.TypeLink, "容量日报 Capacity 2026-01-31", ""}}},
	"example_exec":                 {0, []arrival{{sandbox.TypeText, "订单 Orders of 2026-01-31: 1284", ""}}},
	"example_failure_alert": {1, []arrival{
		{sandbox.TypeText, "重试 Retry: transform try 1 of 2 failed: bash ended with exit code 1", ""},
		{sandbox.TypeText, "任务失败 Task failed: example_failure_alert.transform", ""},
		{sandbox.TypeText, "任务失败 Task failed: example_failure_alert.count_shop[0]", ""},
		{sandbox.TypeText, "任务失败 Task failed: example_failure_alert.count_shop[1]", ""},
		{sandbox.TypeText, "任务失败 Task failed: example_failure_alert.count_shop[2]", ""},
		{sandbox.TypeText, "任务失败 Task failed: example_failure_alert.count_shop[3]", ""},
		{sandbox.TypeText, "任务失败 Task failed: example_failure_alert.count_shop[4]", ""},
		{sandbox.TypeText, "任务失败 Task failed: example_failure_alert.count_shop[5]", ""},
		{sandbox.TypeMarkdown, "运行失败 Run failed: example_failure_alert", "13800000001"},
	}},
}

// TestExamples runs every example DAG from its file to the group.
func TestExamples(t *testing.T) {
	t.Parallel()
	names, err := fs.Glob(examples.Files, "*.yaml")
	require.NoError(t, err)
	require.Len(t, names, len(exampleRuns), "say in exampleRuns what becomes of each example")
	for _, name := range names {
		id := strings.TrimSuffix(name, ".yaml")
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			want, ok := exampleRuns[id]
			require.True(t, ok, "say in exampleRuns what becomes of this example")
			box := sandboxtest.Start(t)
			robot := sandbox.DemoRobot("dingding_default")
			robot.Secret = "SEC0123456789"
			robot.Members = []sandbox.Member{{Name: "a", Mobile: "13800000001"}, {Name: "b", Mobile: "13800000002"}}
			robot = box.AddRobot(robot)
			box.Seed(sandbox.DemoOrganisation())
			app := sandbox.DemoApp("dingtalk_default")
			app.GroupTemplates = []string{"oncall-template"}
			app = box.AddApp(app)
			group := box.AddChat(sandbox.DemoChat(app))
			env := map[string]string{
				"DINGDAG_HOME": t.TempDir(),
				"DINGDAG_CONN_DINGDING_DEFAULT": fmt.Sprintf(
					`{"conn_type":"dingding","host":%q,"password":%q,"extra":{"secret":%q}}`, box.URL, robot.Token, robot.Secret),
				"DINGDAG_CONN_WAREHOUSE_DEFAULT": `{"conn_type":"sqlite","host":":memory:"}`,
				"DINGDAG_CONN_DINGTALK_DEFAULT": fmt.Sprintf(
					`{"conn_type":"dingtalk","host":%q,"login":%q,"password":%q,"extra":{"agent_id":%d,"conversation_id":%q,"card_template_id":"tpl.schema"}}`,
					box.URL, app.AppKey, app.AppSecret, app.AgentID, group.OpenConversationID),
			}
			if id == "example_python" {
				env["DINGDAG_PYTHON"] = pythonSetting(t)
			}
			var out, errs bytes.Buffer
			code := cli.Run(t.Context(), []string{"dags", "test", id, "2026-01-31T01:00:00Z", "-f", "../dags/examples/" + name}, cli.IO{
				In: strings.NewReader(""), Out: &out, Err: &errs,
				LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
			}, cli.Extensions{})
			require.Equal(t, want.code, code, "%s%s", out.String(), errs.String())

			var got []arrival
			for _, m := range box.Messages(sandbox.Filter{}) {
				got = append(got, arrivalOf(m, want.arrivals))
			}
			assert.ElementsMatch(t, want.arrivals, got)
		})
	}
}

// arrivalOf is a message as an arrival, with its text cut to the beginning that is
// wanted.
func arrivalOf(m sandbox.Message, want []arrival) arrival {
	a := arrival{kind: m.Type, text: m.Content.Title, at: strings.Join(m.Mentions.Notified, " ")}
	if a.text == "" {
		a.text = m.Content.Text
	}
	for i, l := range m.Content.Links {
		a.text += strings.Repeat(", ", min(i, 1)) + l.Title
	}
	if m.Mentions.All {
		a.at = "all"
	}
	for _, w := range want {
		if w.kind == a.kind && strings.HasPrefix(a.text, w.text) {
			a.text = w.text
			break
		}
	}
	return a
}
