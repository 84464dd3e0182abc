package page_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/internal/boxtest"
)

// officeAtWork is an office in which one thing of each kind has happened.
func officeAtWork(t *testing.T) *boxtest.Office {
	t.Helper()
	o := boxtest.Open(t)
	c := o.TeamChat()
	first := boxtest.Read[boxtest.SentKey](t, o.SendToGroup(t, 200, c, "sampleMarkdown", map[string]string{"title": "发布", "text": "### 已发布\n- 一切正常"})).Key
	o.SendToGroup(t, 200, c, "sampleFile", map[string]string{"mediaId": "@lA1", "fileName": "日报.pdf", "fileType": "pdf"})
	o.Modern(t, 200, http.MethodPost, "/v1.0/robot/groupMessages/recall",
		`{"robotCode":"`+o.App.AppKey+`","openConversationId":"`+c.OpenConversationID+`","processQueryKeys":["`+first+`"]}`)
	o.Modern(t, 200, http.MethodPost, "/v1.0/robot/oToMessages/batchSend",
		`{"robotCode":"`+o.App.AppKey+`","userIds":["user001","user002"],"msgKey":"sampleImageMsg","msgParam":"{\"photoURL\":\"@lA2\"}"}`)
	o.Modern(t, 200, http.MethodPost, "/v1.0/card/instances/createAndDeliver", `{"cardTemplateId":"tpl","outTrackId":"run-1",
		"cardData":{"cardParamMap":{"title":"发布?","state":"等待"}},"openSpaceId":"dtv1.card//IM_GROUP.`+c.OpenConversationID+`",
		"imGroupOpenDeliverModel":{"robotCode":"`+o.App.AppKey+`"}}`)
	o.Modern(t, 400, http.MethodPost, boxtest.SearchPath, `{"queryWord":"x"}`)

	o.SheetCall(t, 200, http.MethodPut, "集群", "/ranges/A1:C1", `{"fontWeights":[["bold","bold","bold"]]}`)
	o.SheetCall(t, 200, http.MethodPost, "集群", "/setRowsVisibility", `{"row":2,"rowCount":1,"visibility":"hidden"}`)

	id, _ := o.Notify(t, `"userid_list":"user001,user002,nobody"`, boxtest.TextNotice("磁盘将满"))
	require.NoError(t, o.ReadNotice(id, "user001"))
	o.Clock.Advance(3 * time.Second)
	o.Notify(t, `"userid_list":"user001"`, boxtest.TextNotice("磁盘将满"))
	o.Modern(t, 200, http.MethodPost, "/v1.0/robot/ding/send",
		`{"robotCode":"`+o.App.AppKey+`","remindType":2,"receiverUserIdList":["user003"],"content":"请尽快处理"}`)
	return o
}

func pageOf(t *testing.T, o *boxtest.Office, query string) string {
	t.Helper()
	status, got := o.Do(t, http.MethodGet, "/"+query, "")
	require.Equal(t, http.StatusOK, status)
	_, body, found := strings.Cut(got, "<body>")
	require.True(t, found)
	return strings.ReplaceAll(body, o.Token, "TOKEN")
}

func TestOfficePages(t *testing.T) {
	t.Parallel()
	o := officeAtWork(t)
	for name, query := range map[string]string{
		"page_bots.html":      "",
		"page_directory.html": "?view=directory&department=2",
		"page_sheets.html":    "?view=sheets",
		"page_notices.html":   "?view=notices",
	} {
		golden(t, name, pageOf(t, o, query))
	}
}

func TestOfficePagesWithoutAnything(t *testing.T) {
	t.Parallel()
	b := boxtest.Start(t)
	for query, want := range map[string]string{
		"directory": "Nobody here yet.", "sheets": "No workbooks yet.", "notices": "No work notices yet.", "nonsense": "No robots yet.",
	} {
		_, got := b.Do(t, http.MethodGet, "/?view="+query, "")
		assert.Contains(t, got, want)
	}
}

func TestOfficePagesEscape(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	const evil = `<script>alert(1)</script>`
	o.AddUser(sandbox.User{UserID: evil, Name: evil, Mobile: evil, Title: evil})
	o.Modern(t, 200, http.MethodPost, boxtest.BookPath+"/sheets?"+boxtest.ZhangSan, `{"name":"`+evil+`"}`)
	o.SheetCall(t, 200, http.MethodPut, "集群", "/ranges/A1:B1", `{"values":[["`+evil+`","=`+evil+`"]]}`)
	o.Notify(t, `"userid_list":"user001"`, boxtest.TextNotice(evil))
	for _, view := range []string{"directory", "sheets", "notices", evil} {
		got := pageOf(t, o, "?view="+view+"&book="+evil+"&sheet="+evil)
		assert.NotContains(t, got, "<script", view)
	}
}

func TestSheetsPageChooses(t *testing.T) {
	t.Parallel()
	o := boxtest.Open(t)
	second, err := o.Server.AddWorkbook(sandbox.Workbook{WorkspaceID: "DemoSpace0000001", Name: "第二本", Sheets: []sandbox.Sheet{{Name: "甲"}, {Name: "乙", Values: [][]any{{"在这里"}}}}})
	require.NoError(t, err)
	sheets, err := o.Sheets(second.ID)
	require.NoError(t, err)
	assert.Contains(t, pageOf(t, o, "?view=sheets"), "华东1")
	assert.NotContains(t, pageOf(t, o, "?view=sheets&book="+second.ID), "华东1")
	assert.Contains(t, pageOf(t, o, "?view=sheets&book="+second.ID+"&sheet="+sheets[1].ID), "在这里")
}
