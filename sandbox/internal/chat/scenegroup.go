package chat

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dingdag/dingdag/sandbox/internal/core"
)

const maxSceneTitle = 30

func (s *Service) sceneGroupCalls() []core.Endpoint {
	members := core.Params{core.Need("open_conversation_id", core.AText), core.May("user_ids", core.Texts), core.May("union_ids", core.Texts)}
	return []core.Endpoint{
		// DingTalk docs: https://open.dingtalk.com/document/development/create-a-scene-group
		{
			Name: "scenegroup.create", Method: http.MethodPost, Path: "/v1.0/im/sceneGroup/create", Scope: "qyapi_chat_manage",
			Body: core.Params{
				core.Need("title", core.AText), core.Need("template_id", core.AText), core.Need("owner_user_id", core.AText), core.May("user_ids", core.Texts),
				core.May("subadmin_ids", core.Texts), core.May("icon", core.AText), core.May("uuid", core.AText), core.May("management_options", core.AnObject),
			},
			Invalid: chatError(),
			Do:      s.sceneGroupCreate,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/api-updatescenegroup
		{
			Name: "scenegroup.update", Method: http.MethodPost, Path: "/v1.0/im/sceneGroup/update", Scope: "qyapi_chat_manage",
			Body: core.Params{
				core.Need("open_conversation_id", core.AText), core.May("title", core.AText), core.May("icon", core.AText), core.May("owner_user_id", core.AText),
				core.May("owner_union_id", core.AText), core.May("management_options", core.AnObject),
			},
			Invalid: chatError(),
			Do:      s.sceneGroupUpdate,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/api-addscenegroupmember
		{
			Name: "scenegroup.add_members", Method: http.MethodPost, Path: "/v1.0/im/sceneGroup/member/add", Scope: "qyapi_chat_manage",
			Body: members, Invalid: chatError(), Do: s.sceneGroupAddMembers,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/api-removescenegroupmember
		{
			Name: "scenegroup.delete_members", Method: http.MethodPost, Path: "/v1.0/im/sceneGroup/member/delete", Scope: "qyapi_chat_manage",
			Body: members, Invalid: chatError(), Do: s.sceneGroupDeleteMembers,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/query-group-members
		{
			Name: "scenegroup.members", Method: http.MethodPost, Path: "/v1.0/im/sceneGroups/members/batchQuery", Scope: "qyapi_chat_manage",
			Body: core.Params{
				core.Need("openConversationId", core.AText), core.May("coolAppCode", core.AText), core.Need("maxResults", core.AnInt), core.May("nextToken", core.AText),
			},
			Invalid: chatError(),
			Do:      s.sceneGroupMembers,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/api-dsbandopenscenegroup
		{
			Name: "scenegroup.disband", Method: http.MethodPost, Path: "/v1.0/im/chat/scenegroup/disband", Scope: "qyapi_chat_manage",
			Body: core.Params{core.Need("openConversationId", core.AText)}, Invalid: chatError(), Do: s.sceneGroupDisband,
		},
		// DingTalk docs: https://open.dingtalk.com/document/development/queries-the-basic-information-of-a-scenario-group
		{
			Name: "scenegroup.get_legacy", Method: http.MethodPost, Path: "/topapi/im/chat/scenegroup/get", Scope: "qyapi_chat_read",
			Body: core.Params{core.Need("open_conversation_id", core.AText)}, Do: s.sceneGroupGetLegacy,
		},
	}
}

// sceneGroup finds the group of a request and makes sure that the app may see it.
func (s *Service) sceneGroup(req *core.AppRequest) (*core.Chat, *core.Refusal) {
	id := req.Text("openConversationId") + req.Text("open_conversation_id")
	if !strings.HasPrefix(id, "cid") {
		return nil, core.Fail(http.StatusBadRequest, "cidEncryptError", "openConversationId解密失败")
	}
	c := s.groups.ByConversation(id)
	switch {
	case c == nil:
		return nil, core.Fail(http.StatusBadRequest, "paramIllegal", "群不存在")
	case !slices.Contains(req.App.GroupTemplates, c.Template):
		return nil, core.Fail(http.StatusBadRequest, "groupPermissionDenied", "群没有安装本应用的群模板")
	default:
		return c, nil
	}
}

// liveSceneGroup is for calls that change the group.
func (s *Service) liveSceneGroup(req *core.AppRequest) (*core.Chat, *core.Refusal) {
	c, r := s.sceneGroup(req)
	if r != nil || c.Disbanded {
		return nil, chatError()
	}
	return c, nil
}

func (s *Service) sceneGroupCreate(req *core.AppRequest) (any, *core.Refusal) {
	uuid := req.App.AppKey + " " + req.Text("uuid")
	if c := s.groups.created[uuid]; c != nil && req.Has("uuid") {
		return core.Object{"open_conversation_id": c.OpenConversationID, "chat_id": c.ChatID}, nil
	}
	title := utf8.RuneCountInString(req.Text("title"))
	options, ok := readOptions(req.Object("management_options"))
	members := append([]string{req.Text("owner_user_id")}, req.Texts("user_ids")...)
	switch {
	case title < 1 || title > maxSceneTitle || !ok:
		return nil, chatError()
	case !slices.Contains(req.App.GroupTemplates, req.Text("template_id")):
		return nil, core.Fail(http.StatusBadRequest, "groupTemplate.notFound", "群模板不存在或已停用")
	case len(s.core.People.Unknown(append(members, req.Texts("subadmin_ids")...))) > 0:
		return nil, core.Fail(http.StatusBadRequest, "member.notFound", "群成员不存在")
	}
	c := core.Chat{
		Name: req.Text("title"), Owner: req.Text("owner_user_id"), Admins: req.Texts("subadmin_ids"), Icon: req.Text("icon"),
		Template: req.Text("template_id"), Options: options, Bots: []string{req.App.AppKey},
	}
	join(&c, append(members, c.Admins...)...)
	added := s.addChat(c)
	s.groups.created[uuid] = added
	return core.Object{"open_conversation_id": added.OpenConversationID, "chat_id": added.ChatID}, nil
}

func (s *Service) sceneGroupUpdate(req *core.AppRequest) (any, *core.Refusal) {
	c, r := s.liveSceneGroup(req)
	if r != nil {
		return nil, r
	}
	options, ok := readOptions(req.Object("management_options"))
	owner := req.Text("owner_user_id")
	if u := s.core.People.UserByUnionID(req.Text("owner_union_id")); u != nil {
		owner = u.UserID
	}
	if !ok || utf8.RuneCountInString(req.Text("title")) > maxSceneTitle || owner != "" && !slices.Contains(c.Members, owner) {
		return nil, chatError()
	}
	set(&c.Name, req.Text("title"))
	set(&c.Icon, req.Text("icon"))
	set(&c.Owner, owner)
	setOptions(c, options)
	return core.Object{"success": true}, nil
}

// people reads the members that a request names, in either kind of id.
func (s *Service) people(req *core.AppRequest) ([]string, bool) {
	ids := slices.Clone(req.Texts("user_ids"))
	for _, id := range req.Texts("union_ids") {
		if u := s.core.People.UserByUnionID(id); u != nil {
			ids = append(ids, u.UserID)
		} else {
			return nil, false
		}
	}
	return ids, len(ids) > 0 && len(s.core.People.Unknown(ids)) == 0
}

func (s *Service) sceneGroupAddMembers(req *core.AppRequest) (any, *core.Refusal) {
	c, r := s.liveSceneGroup(req)
	ids, ok := s.people(req)
	if r != nil || !ok {
		return nil, chatError()
	}
	join(c, ids...)
	return core.Object{"success": true}, nil
}

func (s *Service) sceneGroupDeleteMembers(req *core.AppRequest) (any, *core.Refusal) {
	c, r := s.liveSceneGroup(req)
	ids, ok := s.people(req)
	if r != nil || !ok || slices.Contains(ids, c.Owner) {
		return nil, chatError()
	}
	leave(c, ids...)
	return core.Object{"success": true}, nil
}

// sceneGroupMembers answers one page whatever its size should be, as DingTalk does for
// groups of up to 1000.
func (s *Service) sceneGroupMembers(req *core.AppRequest) (any, *core.Refusal) {
	c, r := s.sceneGroup(req)
	if r != nil {
		return nil, r
	}
	nicks := map[string]string{}
	for _, id := range c.Members {
		if u := s.core.People.User(id); u != nil {
			nicks[id] = u.Name
		}
	}
	return core.Object{
		"success": true, "memberUserIds": c.Members, "unionIdList": []string{}, "staffIdNickMap": nicks,
		"unionIdNickMap": core.Object{}, "hasMore": false, "nextToken": "",
	}, nil
}

// sceneGroupDisband may be repeated.
func (s *Service) sceneGroupDisband(req *core.AppRequest) (any, *core.Refusal) {
	c, r := s.sceneGroup(req)
	if r != nil {
		return nil, r
	}
	c.Disbanded = true
	return core.Object{"success": true}, nil
}

func (s *Service) sceneGroupGetLegacy(req *core.AppRequest) (any, *core.Refusal) {
	c, r := s.sceneGroup(req)
	if r != nil {
		return nil, &core.Refusal{Code: 400020, Text: "群没有安装本应用的群模板"}
	}
	options := map[string]string{}
	for _, name := range []string{
		"chat_banned_type", "searchable", "validation_type", "mention_all_authority", "management_type", "show_history_type",
	} {
		options[name] = strconv.Itoa(c.Options[name])
	}
	return core.Object{"success": true, "result": core.Object{
		"open_conversation_id": c.OpenConversationID, "title": c.Name, "template_id": c.Template, "icon": c.Icon,
		"group_url": "https://qr.dingtalk.com/action/joingroup?code=" + c.ChatID, "owner_staff_id": c.Owner,
		"sub_admin_staff_ids": core.NotNil(c.Admins), "management_options": options,
	}}, nil
}
