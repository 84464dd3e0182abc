package sandbox

import (
	"fmt"
	"strings"
)

// DemoOrganisation returns an organisation for demonstrations and tests: six
// departments in a tree and twelve people with the names that Chinese examples use.
// All ids are the same at every start: the people are "user001" to "user012" with the
// unionIds "union001iE" to "union012iE" and the mobiles 13800000001 to 13800000012. In
// the space "DemoSpace0000001" lie the workbook [DemoWorkbookID], a document, and a
// multi-dimensional table in a folder; two templates are at hand.
func DemoOrganisation() Organisation {
	return Organisation{
		CorpID: "dingdemocorp",
		Departments: []Department{
			{ID: 1, Name: "示例公司", EnglishName: "Example"},
			{ID: 2, ParentID: 1, Name: "技术部", EnglishName: "Engineering", Order: 10, Managers: []string{"user001"}},
			{ID: 3, ParentID: 1, Name: "销售部", EnglishName: "Sales", Order: 20, Managers: []string{"user009"}},
			{ID: 4, ParentID: 2, Name: "平台组", EnglishName: "Platform", Order: 10, Managers: []string{"user003"}},
			{ID: 5, ParentID: 2, Name: "数据组", EnglishName: "Data", Order: 20},
			{ID: 6, ParentID: 3, Name: "华东区", EnglishName: "East", Order: 10},
		},
		Users: demoUsers(),
		Workspaces: []Workspace{{
			ID: "DemoSpace0000001", RootNodeID: demoID("Root"), Name: "运维手册", Description: "值班与容量", Creator: "user001",
		}},
		Nodes: []Node{
			{ID: demoID("Notes"), ShortID: "DemoNote", WorkspaceID: "DemoSpace0000001", Name: "交接说明", Extension: "adoc"},
			{ID: demoID("Folder"), ShortID: "DemoFold", WorkspaceID: "DemoSpace0000001", Name: "归档"},
			{ID: demoID("Table"), ShortID: "DemoTabl", WorkspaceID: "DemoSpace0000001", ParentID: demoID("Folder"), Name: "资产", Extension: "able"},
		},
		Workbooks: []Workbook{{
			ID: demoID("Workbook"), WorkspaceID: "DemoSpace0000001", Name: "容量", Sheets: []Sheet{
				{Name: "集群", Values: [][]any{
					{"集群", "节点", "磁盘使用率"}, {"华东1", 12, 0.71}, {"华北2", 8, 0.64}, {"华南1", 6, 0.58}, {"合计", "=SUM(B2:B4)", "=AVERAGE(C2:C4)"},
				}},
				{Name: "备注"},
			},
		}},
		Templates: []Template{
			{ID: "DemoTemplate1", Title: "周报", DocType: "DOC", Type: "team_template", WorkspaceID: "DemoSpace0000001"},
			{ID: "DemoTemplate2", Title: "盘点表", DocType: "WORKBOOK", Type: "public_template"},
		},
	}
}

// DemoWorkbookID is the workbook of [DemoOrganisation]. Its sheet "集群" has content,
// "备注" none.
const DemoWorkbookID = "DemoWorkbookxxxxxxxxxxxxxxxxxxxx"

// DemoConversationID is the openConversationId of the group that [DemoChat] returns.
const DemoConversationID = "cidDemo/oncall+group=="

// DemoChat returns a group of all of [DemoOrganisation] with the bot of an app in it.
func DemoChat(app App) Chat {
	c := Chat{ChatID: "chatdemooncallgroup", OpenConversationID: DemoConversationID, Name: "值班群", Owner: "user001", Bots: []string{app.AppKey}}
	for _, u := range demoUsers() {
		c.Members = append(c.Members, u.UserID)
	}
	return c
}

// demoID makes a node id of a name.
func demoID(name string) string {
	name = "Demo" + name
	return name + strings.Repeat("x", 32-len(name))
}

func demoUsers() []User {
	people := []struct {
		name, pinyin, title string
		departments         []int
	}{
		{"张三", "zhangsan", "技术总监", []int{2}},
		{"李四", "lisi", "架构师", []int{2, 4}},
		{"王五", "wangwu", "平台组长", []int{4}},
		{"赵六", "zhaoliu", "运维工程师", []int{4}},
		{"孙七", "sunqi", "运维工程师", []int{4}},
		{"周八", "zhouba", "数据工程师", []int{5}},
		{"吴九", "wujiu", "数据工程师", []int{5}},
		{"郑十", "zhengshi", "分析师", []int{5}},
		{"冯十一", "fengshiyi", "销售总监", []int{3}},
		{"陈十二", "chenshier", "销售经理", []int{6}},
		{"褚十三", "chushisan", "销售经理", []int{6}},
		{"卫十四", "weishisi", "行政", []int{1}},
	}
	out := make([]User, len(people))
	for i, p := range people {
		out[i] = User{
			UserID: fmt.Sprintf("user%03d", i+1), UnionID: fmt.Sprintf("union%03diE", i+1),
			Name: p.name, Pinyin: p.pinyin, Title: p.title, Departments: p.departments,
			Mobile: fmt.Sprintf("138%08d", i+1), JobNumber: fmt.Sprintf("D-%03d", i+1),
			Admin: i == 0, Inactive: i == len(people)-1,
		}
	}
	return out
}
