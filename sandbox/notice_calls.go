package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const (
	maxNoticeUsers       = 100
	maxNoticeDepartments = 20
	// maxStatusBarUsers is how many people a notice with a status bar may have.
	maxStatusBarUsers = 5
)

func noticeCalls() []call {
	post := func(name, method string, do func(*Server, *appRequest) (any, *refusal), body ...param) endpoint {
		return endpoint{
			name: name, method: http.MethodPost, path: "/topapi/message/corpconversation/" + method, scope: "qyapi_base",
			body: append([]param{need("agent_id", anInt)}, body...), do: do,
		}
	}
	return endpointCalls(
		// DingTalk docs: https://open.dingtalk.com/document/development/asynchronous-sending-of-enterprise-session-messages
		post("notice.send", "asyncsend_v2", (*Server).noticeSend, may("userid_list", aText), may("dept_id_list", aText),
			may("to_all_user", aBool), need("msg", anObject), may("enable_id_trans", aBool)),
		// DingTalk docs: https://open.dingtalk.com/document/development/obtain-the-sending-progress-of-asynchronous-sending-of-enterprise-session
		post("notice.progress", "getsendprogress", (*Server).noticeProgress, need("task_id", anInt)),
		// DingTalk docs: https://open.dingtalk.com/document/development/gets-the-result-of-sending-messages-asynchronously-to-the-enterprise
		post("notice.result", "getsendresult", (*Server).noticeResult, need("task_id", anInt)),
		// DingTalk docs: https://open.dingtalk.com/document/development/notification-of-work-withdrawal
		post("notice.recall", "recall", (*Server).noticeRecall, need("msg_task_id", anInt)),
	)
}

func checkAgent(req *appRequest) *refusal {
	if int64(req.int("agent_id")) != req.app.AgentID {
		return refuse(40056)
	}
	return nil
}

// noticeAudience is who a notice is meant for.
type noticeAudience struct {
	users              []string
	invalidUsers       []string
	invalidDepartments []int
}

func (s *Server) noticeSend(req *appRequest) (any, *refusal) {
	if r := checkAgent(req); r != nil {
		return nil, r
	}
	audience, r := s.noticeAudience(req)
	if r != nil {
		return nil, r
	}
	msgtype, content, r := readNotice(req.object("msg"))
	if r != nil {
		return nil, r
	}
	if msgtype == "oa" && req.object("msg")["oa"].(object)["status_bar"] != nil &&
		(req.has("dept_id_list") || req.bool("to_all_user") || len(audience.users) > maxStatusBarUsers) {
		return nil, &refusal{code: 400002, text: "status_bar仅支持5人以内的userid_list"}
	}
	n := &Notice{
		TaskID: s.ids.task(), Time: req.at, App: req.app.Name, AgentID: req.app.AgentID, Type: msgtype, Content: content,
		Message: encode(req.object("msg")), InvalidIDs: audience.invalidUsers, InvalidDept: audience.invalidDepartments, app: req.app,
	}
	s.notices.deliver(n, audience.users, req.bool("to_all_user"))
	s.notices.list = last(append(s.notices.list, n), s.inbox.keep)
	return object{"task_id": n.TaskID}, nil
}

// noticeAudience reads the three ways to name receivers, each person once.
func (s *Server) noticeAudience(req *appRequest) (noticeAudience, *refusal) {
	var out noticeAudience
	add := func(id string) {
		if !slices.Contains(out.users, id) {
			out.users = append(out.users, id)
		}
	}
	ids, departments := splitList(req.text("userid_list")), splitList(req.text("dept_id_list"))
	wrong := &refusal{code: 400002, text: "参数错误: userid_list, dept_id_list, to_all_user"}
	if len(ids)+len(departments) == 0 && !req.bool("to_all_user") || len(ids) > maxNoticeUsers || len(departments) > maxNoticeDepartments {
		return out, wrong
	}
	for _, id := range ids {
		if s.directory.user(id) == nil {
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
		if s.directory.department(id) == nil {
			out.invalidDepartments = append(out.invalidDepartments, id)
			continue
		}
		for _, u := range s.directory.members(id, true) {
			add(u.UserID)
		}
	}
	if req.bool("to_all_user") {
		for _, u := range s.directory.users {
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
func (s *Server) notice(req *appRequest, param string, wrong *refusal) (*Notice, *refusal) {
	if r := checkAgent(req); r != nil {
		return nil, r
	}
	n := find(s.notices.list, func(n *Notice) bool { return n.TaskID == int64(req.int(param)) && n.app == req.app })
	if n == nil || req.at.Sub(n.Time) > noticeLife {
		return nil, wrong
	}
	n.advance(req.at, false)
	return n, nil
}

func (s *Server) noticeProgress(req *appRequest) (any, *refusal) {
	n, r := s.notice(req, "task_id", invalidFor(topapi, "task_id", nil))
	if r != nil {
		return nil, r
	}
	status := n.Status
	n.advance(req.at, true)
	return object{"progress": object{"progress_in_percent": status * 50, "status": status}}, nil
}

func (s *Server) noticeResult(req *appRequest) (any, *refusal) {
	n, r := s.notice(req, "task_id", invalidFor(topapi, "task_id", nil))
	if r != nil {
		return nil, r
	}
	if n.Status != NoticeDone || n.audience() > maxResultReceivers {
		return nil, refuse(41052)
	}
	forbidden := []string{}
	for _, f := range n.Forbidden {
		forbidden = append(forbidden, f.UserID)
	}
	unread := slices.DeleteFunc(slices.Clone(n.Receivers), func(id string) bool { return slices.Contains(n.Read, id) })
	return object{"send_result": object{
		"invalid_user_id_list": notNil(n.InvalidIDs), "forbidden_user_id_list": forbidden, "failed_user_id_list": []string{},
		"read_user_id_list": notNil(n.Read), "unread_user_id_list": notNil(unread), "invalid_dept_id_list": notNil(n.InvalidDept),
		"forbidden_list": notNil(n.Forbidden),
	}}, nil
}

// noticeRecall may be repeated; DingTalk does not say what a second one answers.
func (s *Server) noticeRecall(req *appRequest) (any, *refusal) {
	n, r := s.notice(req, "msg_task_id", &refusal{code: 400002, text: "参数错误: msg_task_id"})
	if r != nil {
		return nil, r
	}
	n.Recalled = true
	return object{}, nil
}
