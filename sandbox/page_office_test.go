package sandbox_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox"
)

// officeAtWork is an office in which one thing of each kind has happened.
func officeAtWork(t *testing.T) *office {
	t.Helper()
	o := openOffice(t)
	c := o.teamChat()
	first := read[sentKey](t, o.sendToGroup(t, 200, c, "sampleMarkdown", map[string]string{"title": "发布", "text": "### 已发布\n- 一切正常"})).Key
	o.sendToGroup(t, 200, c, "sampleFile", map[string]string{"mediaId": "@lA1", "fileName": "日报.pdf", "fileType": "pdf"})
	o.modern(t, 200, http.MethodPost, "/v1.0/robot/groupMessages/recall",
		`{"robotCode":"`+o.app.AppKey+`","openConversationId":"`+c.OpenConversationID+`","processQueryKeys":["`+first+`"]}`)
	o.modern(t, 200, http.MethodPost, "/v1.0/robot/oToMessages/batchSend",
		`{"robotCode":"`+o.app.AppKey+`","userIds":["user001","user002"],"msgKey":"sampleImageMsg","msgParam":"{\"photoURL\":\"@lA2\"}"}`)
	o.modern(t, 200, http.MethodPost, "/v1.0/card/instances/createAndDeliver", `{"cardTemplateId":"tpl","outTrackId":"run-1",
		"cardData":{"cardParamMap":{"title":"发布?","state":"等待"}},"openSpaceId":"dtv1.card//IM_GROUP.`+c.OpenConversationID+`",
		"imGroupOpenDeliverModel":{"robotCode":"`+o.app.AppKey+`"}}`)
	o.modern(t, 400, http.MethodPost, searchPath, `{"queryWord":"x"}`)

	o.sheetCall(t, 200, http.MethodPut, "集群", "/ranges/A1:C1", `{"fontWeights":[["bold","bold","bold"]]}`)
	o.sheetCall(t, 200, http.MethodPost, "集群", "/setRowsVisibility", `{"row":2,"rowCount":1,"visibility":"hidden"}`)

	id, _ := o.notify(t, `"userid_list":"user001,user002,nobody"`, textNotice("磁盘将满"))
	require.NoError(t, o.ReadNotice(id, "user001"))
	o.clock.advance(3 * time.Second)
	o.notify(t, `"userid_list":"user001"`, textNotice("磁盘将满"))
	o.modern(t, 200, http.MethodPost, "/v1.0/robot/ding/send",
		`{"robotCode":"`+o.app.AppKey+`","remindType":2,"receiverUserIdList":["user003"],"content":"请尽快处理"}`)
	return o
}

func (o *office) page(t *testing.T, query string) string {
	t.Helper()
	status, got := o.do(t, http.MethodGet, "/"+query, "")
	require.Equal(t, http.StatusOK, status)
	_, body, found := strings.Cut(got, "<body>")
	require.True(t, found)
	return strings.ReplaceAll(body, o.token, "TOKEN")
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
		golden(t, name, o.page(t, query))
	}
}

func TestOfficePagesWithoutAnything(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for query, want := range map[string]string{
		"directory": "Nobody here yet.", "sheets": "No workbooks yet.", "notices": "No work notices yet.", "nonsense": "No robots yet.",
	} {
		_, got := b.do(t, http.MethodGet, "/?view="+query, "")
		assert.Contains(t, got, want)
	}
}

func TestOfficePagesEscape(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	const evil = `<script>alert(1)</script>`
	o.AddUser(sandbox.User{UserID: evil, Name: evil, Mobile: evil, Title: evil})
	o.modern(t, 200, http.MethodPost, bookPath+"/sheets?"+zhangSan, `{"name":"`+evil+`"}`)
	o.sheetCall(t, 200, http.MethodPut, "集群", "/ranges/A1:B1", `{"values":[["`+evil+`","=`+evil+`"]]}`)
	o.notify(t, `"userid_list":"user001"`, textNotice(evil))
	for _, view := range []string{"directory", "sheets", "notices", evil} {
		got := o.page(t, "?view="+view+"&book="+evil+"&sheet="+evil)
		assert.NotContains(t, got, "<script", view)
	}
}

func TestSheetsPageChooses(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	second, err := o.Server.AddWorkbook(sandbox.Workbook{WorkspaceID: "DemoSpace0000001", Name: "第二本", Sheets: []sandbox.Sheet{{Name: "甲"}, {Name: "乙", Values: [][]any{{"在这里"}}}}})
	require.NoError(t, err)
	sheets, err := o.Sheets(second.ID)
	require.NoError(t, err)
	assert.Contains(t, o.page(t, "?view=sheets"), "华东1")
	assert.NotContains(t, o.page(t, "?view=sheets&book="+second.ID), "华东1")
	assert.Contains(t, o.page(t, "?view=sheets&book="+second.ID+"&sheet="+sheets[1].ID), "在这里")
}
