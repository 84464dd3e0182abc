package notice

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

const (
	maxNoticeUsers       = 100
	maxNoticeDepartments = 20
	// maxStatusBarUsers is how many people a notice with a status bar may have.
	maxStatusBarUsers = 5
)

func (s *Service) noticeCalls() []core.Endpoint {
	post := func(name, method string, do func(*core.AppRequest) (any, *core.Refusal), body ...core.Param) core.Endpoint {
		return core.Endpoint{
			Name: name, Method: http.MethodPost, Path: "/topapi/message/corpconversation/" + method, Scope: "qyapi_base",
			Body: append([]core.Param{core.Need("agent_id", core.AnInt)}, body...), Do: do,
		}
	}
	return []core.Endpoint{
		// DingTalk docs: https://open.dingtalk.com/document/development/asynchronous-sending-of-enterprise-session-messages
		post("notice.send", "asyncsend_v2", s.noticeSend, core.May("userid_list", core.AText), core.May("dept_id_list", core.AText),
			core.May("to_all_user", core.ABool), core.Need("msg", core.AnObject), core.May("enable_id_trans", core.ABool)),
		// DingTalk docs: https://open.dingtalk.com/document/development/obtain-the-sending-progress-of-asynchronous-sending-of-enterprise-session
		post("notice.progress", "getsendprogress", s.noticeProgress, core.Need("task_id", core.AnInt)),
		// DingTalk docs: https://open.dingtalk.com/document/development/gets-the-result-of-sending-messages-asynchronously-to-the-enterprise
		post("notice.result", "getsendresult", s.noticeResult, core.Need("task_id", core.AnInt)),
		// DingTalk docs: https://open.dingtalk.com/document/development/notification-of-work-withdrawal
		post("notice.recall", "recall", s.noticeRecall, core.Need("msg_task_id", core.AnInt)),
	}
}

func checkAgent(req *core.AppRequest) *core.Refusal {
	if int64(req.Int("agent_id")) != req.App.AgentID {
		return core.Refuse(40056)
	}
	return nil
}

// noticeAudience is who a notice is meant for.
type noticeAudience struct {
	users              []string
	invalidUsers       []string
	invalidDepartments []int
}

func (s *Service) noticeSend(req *core.AppRequest) (any, *core.Refusal) {
	if r := checkAgent(req); r != nil {
		return nil, r
	}
	audience, r := s.noticeAudience(req)
	if r != nil {
		return nil, r
	}
	msgtype, content, r := readNotice(req.Object("msg"))
	if r != nil {
		return nil, r
	}
	if msgtype == "oa" && req.Object("msg")["oa"].(core.Object)["status_bar"] != nil &&
		(req.Has("dept_id_list") || req.Bool("to_all_user") || len(audience.users) > maxStatusBarUsers) {
		return nil, &core.Refusal{Code: 400002, Text: "status_bar仅支持5人以内的userid_list"}
	}
	n := &Notice{
		TaskID: s.core.TaskID(), Time: req.At, App: req.App.Name, AgentID: req.App.AgentID, Type: msgtype, Content: content,
		Message: core.Encode(req.Object("msg")), InvalidIDs: audience.invalidUsers, InvalidDept: audience.invalidDepartments, app: req.App,
	}
	s.count.deliver(n, audience.users, req.Bool("to_all_user"))
	s.list = core.Last(append(s.list, n), s.core.Keep())
	return core.Object{"task_id": n.TaskID}, nil
}

// noticeAudience reads the three ways to name receivers, each person once.
func (s *Service) noticeAudience(req *core.AppRequest) (noticeAudience, *core.Refusal) {
	var out noticeAudience
	add := func(id string) {
		if !slices.Contains(out.users, id) {
			out.users = append(out.users, id)
		}
	}
	ids, departments := splitList(req.Text("userid_list")), splitList(req.Text("dept_id_list"))
	wrong := &core.Refusal{Code: 400002, Text: "参数错误: userid_list, dept_id_list, to_all_user"}
	if len(ids)+len(departments) == 0 && !req.Bool("to_all_user") || len(ids) > maxNoticeUsers || len(departments) > maxNoticeDepartments {
		return out, wrong
	}
	for _, id := range ids {
		if s.core.People.User(id) == nil {
			out.invalidUsers = append(out.invalidUsers, id)
			continue
		}
		add(id)
	}
	for _, text := range departments {
		id, err := strconv.Atoi(text)
		if err != nil {
			return out, wrong
		}
		if s.core.People.Department(id) == nil {
			out.invalidDepartments = append(out.invalidDepartments, id)
			continue
		}
		for _, u := range s.core.People.Members(id, true) {
			add(u.UserID)
		}
	}
	if req.Bool("to_all_user") {
		for _, u := range s.core.People.Users {
			add(u.UserID)
		}
	}
	return out, nil
}

// splitList reads ids between commas. Blanks belong to the ids: DingTalk trims nothing.
func splitList(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// notice finds a notice that may still be asked about.
func (s *Service) notice(req *core.AppRequest, param string, wrong *core.Refusal) (*Notice, *core.Refusal) {
	if r := checkAgent(req); r != nil {
		return nil, r
	}
	n := core.Find(s.list, func(n *Notice) bool { return n.TaskID == int64(req.Int(param)) && n.app == req.App })
	if n == nil || req.At.Sub(n.Time) > noticeLife {
		return nil, wrong
	}
	n.advance(req.At, false)
	return n, nil
}

func (s *Service) noticeProgress(req *core.AppRequest) (any, *core.Refusal) {
	n, r := s.notice(req, "task_id", core.InvalidFor(core.Topapi, "task_id", nil))
	if r != nil {
		return nil, r
	}
	status := n.Status
	n.advance(req.At, true)
	return core.Object{"progress": core.Object{"progress_in_percent": status * 50, "status": status}}, nil
}

func (s *Service) noticeResult(req *core.AppRequest) (any, *core.Refusal) {
	n, r := s.notice(req, "task_id", core.InvalidFor(core.Topapi, "task_id", nil))
	if r != nil {
		return nil, r
	}
	if n.Status != NoticeDone || n.audience() > maxResultReceivers {
		return nil, core.Refuse(41052)
	}
	forbidden := []string{}
	for _, f := range n.Forbidden {
		forbidden = append(forbidden, f.UserID)
	}
	unread := slices.DeleteFunc(slices.Clone(n.Receivers), func(id string) bool { return slices.Contains(n.Read, id) })
	return core.Object{"send_result": core.Object{
		"invalid_user_id_list": core.NotNil(n.InvalidIDs), "forbidden_user_id_list": forbidden, "failed_user_id_list": []string{},
		"read_user_id_list": core.NotNil(n.Read), "unread_user_id_list": core.NotNil(unread), "invalid_dept_id_list": core.NotNil(n.InvalidDept),
		"forbidden_list": core.NotNil(n.Forbidden),
	}}, nil
}

// noticeRecall may be repeated; DingTalk does not say what a second one answers.
func (s *Service) noticeRecall(req *core.AppRequest) (any, *core.Refusal) {
	n, r := s.notice(req, "msg_task_id", &core.Refusal{Code: 400002, Text: "参数错误: msg_task_id"})
	if r != nil {
		return nil, r
	}
	n.Recalled = true
	return core.Object{}, nil
}
