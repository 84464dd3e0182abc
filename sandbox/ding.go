package sandbox

import (
	"net/http"
	"slices"
	"time"
)

// Ding is a DING: a reminder in the app, by text message or by phone.
type Ding struct {
	ID   string    `json:"id"`
	Time time.Time `json:"time"`
	// App is a name.
	App string `json:"app"`
	// RemindType is 1 for in the app, 2 for a text message, 3 for a phone call.
	RemindType int `json:"remind_type"`
	// Receivers are user ids.
	Receivers []string `json:"receivers"`
	Content   string   `json:"content"`
	CallVoice string   `json:"call_voice,omitempty"`
	Recalled  bool     `json:"recalled,omitempty"`
}

func dingCalls() []call {
	invalid := fail(http.StatusBadRequest, "invalidParameter.param.invalid", "参数不合法")
	return endpointCalls(
		// DingTalk docs: https://open.dingtalk.com/document/development/robot-sends-nail-message
		endpoint{
			name: "ding.send", method: http.MethodPost, path: "/v1.0/robot/ding/send", scope: "qyapi_robot_sendmsg",
			body: params{
				need("robotCode", aText), need("remindType", anInt), need("receiverUserIdList", texts), need("content", aText),
				may("callVoice", aText),
			},
			invalid: invalid, do: (*Server).dingSend,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/robot-withdraws-pin-message
		endpoint{
			name: "ding.recall", method: http.MethodPost, path: "/v1.0/robot/ding/recall", scope: "qyapi_robot_sendmsg",
			body:    params{need("robotCode", aText), need("openDingId", aText)},
			invalid: invalid, do: (*Server).dingRecall,
		},
	)
}

func (s *Server) dingSend(req *appRequest) (any, *refusal) {
	if req.text("robotCode") != req.app.AppKey {
		return nil, fail(http.StatusBadRequest, "invalid.chatbotId", "robotCode不合法")
	}
	ids, kind := req.texts("receiverUserIdList"), req.int("remindType")
	limit := map[int]int{1: 200, 2: 20, 3: 20}[kind]
	unknown := s.unknownUsers(ids)
	voices := []string{
		"", "Standard_Female_Voice", "Cantonese_Female_Voice", "Gentine_Female_Voice", "Overbearing_Female_Voice",
		"Lovely_Girl_Voice", "Standard_Male_Voice",
	}
	switch {
	case limit == 0 || req.text("content") == "" || !slices.Contains(voices, req.text("callVoice")):
		return nil, fail(http.StatusBadRequest, "invalidParameter.param.invalid", "参数不合法")
	case len(ids) > limit:
		return nil, fail(http.StatusBadRequest, "ding.receivercount.limit", "接收人数超过限制")
	case len(unknown) == len(ids):
		return nil, fail(http.StatusBadRequest, "miss.staffId", "接收人不存在")
	}
	d := &Ding{
		ID: s.ids.code(24), Time: req.at, App: req.app.Name, RemindType: kind, Content: req.text("content"), CallVoice: req.text("callVoice"),
		Receivers: slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(unknown, id) }),
	}
	s.dings = last(append(s.dings, d), s.inbox.keep)
	failed := map[string][]string{}
	if len(unknown) > 0 {
		failed["staffId.notExisted"] = unknown
	}
	return object{"openDingId": d.ID, "failedList": failed}, nil
}

// dingRecall may be repeated.
func (s *Server) dingRecall(req *appRequest) (any, *refusal) {
	d := find(s.dings, func(d *Ding) bool { return d.ID == req.text("openDingId") && d.App == req.app.Name })
	if d == nil || req.text("robotCode") != req.app.AppKey {
		return nil, fail(http.StatusBadRequest, "invalidParameter.param.invalid", "openDingId不合法")
	}
	d.Recalled = true
	return object{"openDingId": d.ID}, nil
}

// Dings lists the DINGs, oldest first.
func (s *Server) Dings() []Ding {
	s.mu.Lock()
	defer s.mu.Unlock()
	return values(s.dings)
}
