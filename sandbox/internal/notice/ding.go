package notice

import (
	"net/http"
	"slices"
	"time"

	"github.com/dingdag/dingdag/sandbox/internal/core"
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

func (s *Service) dingCalls() []core.Endpoint {
	invalid := core.Fail(http.StatusBadRequest, "invalidParameter.param.invalid", "参数不合法")
	return []core.Endpoint{
		// DingTalk docs: https://open.dingtalk.com/document/development/robot-sends-nail-message
		{
			Name: "ding.send", Method: http.MethodPost, Path: "/v1.0/robot/ding/send", Scope: "qyapi_robot_sendmsg",
			Body: core.Params{
				core.Need("robotCode", core.AText), core.Need("remindType", core.AnInt), core.Need("receiverUserIdList", core.Texts), core.Need("content", core.AText),
				core.May("callVoice", core.AText),
			},
			Invalid: invalid, Do: s.dingSend,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/robot-withdraws-pin-message
		{
			Name: "ding.recall", Method: http.MethodPost, Path: "/v1.0/robot/ding/recall", Scope: "qyapi_robot_sendmsg",
			Body:    core.Params{core.Need("robotCode", core.AText), core.Need("openDingId", core.AText)},
			Invalid: invalid, Do: s.dingRecall,
		},
	}
}

func (s *Service) dingSend(req *core.AppRequest) (any, *core.Refusal) {
	if req.Text("robotCode") != req.App.AppKey {
		return nil, core.Fail(http.StatusBadRequest, "invalid.chatbotId", "robotCode不合法")
	}
	ids, kind := req.Texts("receiverUserIdList"), req.Int("remindType")
	limit := map[int]int{1: 200, 2: 20, 3: 20}[kind]
	unknown := s.core.People.Unknown(ids)
	voices := []string{
		"", "Standard_Female_Voice", "Cantonese_Female_Voice", "Gentine_Female_Voice", "Overbearing_Female_Voice",
		"Lovely_Girl_Voice", "Standard_Male_Voice",
	}
	switch {
	case limit == 0 || req.Text("content") == "" || !slices.Contains(voices, req.Text("callVoice")):
		return nil, core.Fail(http.StatusBadRequest, "invalidParameter.param.invalid", "参数不合法")
	case len(ids) > limit:
		return nil, core.Fail(http.StatusBadRequest, "ding.receivercount.limit", "接收人数超过限制")
	case len(unknown) == len(ids):
		return nil, core.Fail(http.StatusBadRequest, "miss.staffId", "接收人不存在")
	}
	d := &Ding{
		ID: s.core.Code(24), Time: req.At, App: req.App.Name, RemindType: kind, Content: req.Text("content"), CallVoice: req.Text("callVoice"),
		Receivers: slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(unknown, id) }),
	}
	s.dings = core.Last(append(s.dings, d), s.core.Keep())
	failed := map[string][]string{}
	if len(unknown) > 0 {
		failed["staffId.notExisted"] = unknown
	}
	return core.Object{"openDingId": d.ID, "failedList": failed}, nil
}

// dingRecall may be repeated.
func (s *Service) dingRecall(req *core.AppRequest) (any, *core.Refusal) {
	d := core.Find(s.dings, func(d *Ding) bool { return d.ID == req.Text("openDingId") && d.App == req.App.Name })
	if d == nil || req.Text("robotCode") != req.App.AppKey {
		return nil, core.Fail(http.StatusBadRequest, "invalidParameter.param.invalid", "openDingId不合法")
	}
	d.Recalled = true
	return core.Object{"openDingId": d.ID}, nil
}

// Dings lists the DINGs, oldest first.
func (s *Service) Dings() []Ding {
	s.core.Lock()
	defer s.core.Unlock()
	return core.Values(s.dings)
}
