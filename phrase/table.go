package phrase

import "maps"

// words are those of a code in each language, with the verbs %s and %q. The Chinese ones may number them, and leave some out.
type words struct{ EN, ZH string }

// table has the words of all codes.
var table = together(conditions, mistakes) //nolint:gochecknoglobals // a constant

// together puts tables together, which have no code in common.
func together(all ...map[Code]words) map[Code]words {
	out := map[Code]words{}
	for _, t := range all {
		maps.Copy(out, t)
	}
	return out
}

// conditions has the words of how things are.
var conditions = map[Code]words{ //nolint:gochecknoglobals // a constant
	"colon":     {"%s: %s", "%s：%s"},
	"then":      {"%s; %s", "%s；%s"},
	"somebody":  {"somebody", "有人"},
	"now":       {"now", "现在"},
	"more_runs": {"%s more", "另有 %s 次"},

	"state.none":              {"none", "尚无状态"},
	"state.success":           {"success", "成功"},
	"state.failed":            {"failed", "失败"},
	"state.running":           {"running", "运行中"},
	"state.queued":            {"queued", "排队中"},
	"state.scheduled":         {"scheduled", "已调度"},
	"state.skipped":           {"skipped", "已跳过"},
	"state.upstream_failed":   {"upstream_failed", "上游失败"},
	"state.up_for_retry":      {"up_for_retry", "等待重试"},
	"state.up_for_reschedule": {"up_for_reschedule", "等待重新调度"},
	"state.deferred":          {"deferred", "已延后"},
	"state.restarting":        {"restarting", "重新启动中"},
	"state.removed":           {"removed", "已移除"},

	"reason.success":              {"success", "成功"},
	"reason.task_failure":         {"task_failure", "有任务失败"},
	"reason.timed_out":            {"timed_out", "超过了 dagrun_timeout 的时限"},
	"reason.all_tasks_deadlocked": {"all_tasks_deadlocked", "没有任务可以再启动"},
	"reason.marked_success":       {"marked_success", "被手动标记为成功"},
	"reason.marked_failed":        {"marked_failed", "被手动标记为失败"},

	"ended.task_failure":         {"a task failed", "有任务失败"},
	"ended.timed_out":            {"it took longer than dagrun_timeout allows", "超过了 dagrun_timeout 的时限"},
	"ended.all_tasks_deadlocked": {"no task could start any more", "没有任务可以再启动"},
	"ended.marked_success":       {"somebody marked it as success", "被手动标记为成功"},
	"ended.marked_failed":        {"somebody marked it as failed", "被手动标记为失败"},

	"outcome.started": {"started", "已启动"},
	"outcome.skipped": {"skipped", "已跳过"},
	"outcome.missed":  {"missed", "未运行"},
	"outcome.waiting": {"waiting", "等待中"},

	"process.none": {"no process is running on the home folder: start one with dingdag standalone", "此主目录上没有进程在运行：请用 dingdag standalone 启动"},

	"task.succeeded":      {"it succeeded at %s", "已于 %s 成功"},
	"task.try_failed":     {"try %s of %s failed: %s", "第 %s 次尝试（共 %s 次）失败：%s"},
	"task.retry_at":       {"%s; retry at %s", "%s；将于 %s 重试"},
	"task.removed":        {"it is not part of the run: the logical date is outside its start_date and end_date, or its mapping no longer has it", "不属于此次运行：逻辑日期不在其 start_date 和 end_date 之间，或映射中已没有它"},
	"task.running":        {"try %s of %s is running since %s", "第 %s 次尝试（共 %s 次）自 %s 开始运行"},
	"task.run_is":         {"the run is %s (%s)", "运行%s（%s）"},
	"task.sensor_again":   {"the sensor looks again at %s", "传感器将于 %s 再次检查"},
	"task.goes_on":        {"it goes on at %s", "将于 %s 继续"},
	"task.queued":         {"it is queued since %s and waits for a free worker", "自 %s 开始排队，等待空闲的工作槽位"},
	"task.queued_alone":   {"it is queued since %s and %s", "自 %s 开始排队，%s"},
	"task.free_alone":     {"nothing holds it, but %s", "没有受到限制，但%s"},
	"task.free_priority":  {"nothing holds it: it is queued as soon as those with a higher priority are", "没有受到限制：待优先级更高的任务排队后即可排队"},
	"task.free":           {"nothing holds it: it is about to be queued", "没有受到限制：即将排队"},
	"task.deferred":       {"it is deferred", "已延后"},
	"task.sensor":         {"try %s of %s looks since %s; %s", "第 %s 次尝试（共 %s 次）自 %s 开始检查；%s"},
	"task.see_log":        {"what it waits for is in dingdag tasks logs %s %s", "等待的条件见 dingdag tasks logs %s %s"},
	"task.rule":           {"trigger rule %s", "触发规则 %s"},
	"task.rule_of":        {"trigger rule %s: %s", "触发规则 %s：%s"},
	"task.is":             {"%s is %s", "%s %s"},
	"task.failed_first":   {"; %s failed first, at %s: %s", "；%s 最先失败，时间 %s：%s"},
	"task.skipped_itself": {"the task skipped itself, see dingdag tasks logs %s %s", "任务自行跳过，见 dingdag tasks logs %s %s"},
	"task.chose":          {"%s chose %s", "%s 选择了 %s"},
	"task.run_ended":      {"the run ended before it began: %s (%s)", "任务开始前运行已结束：%s（%s）"},
	"task.skipped_by":     {"a task before it, or somebody, skipped it", "被上游任务或有人跳过"},
	"task.cleared":        {"; %s cleared it at %s", "；%s 于 %s 清除"},
	"task.marked_success": {"; %s marked it success at %s", "；%s 于 %s 标记为成功"},
	"task.marked_failed":  {"; %s marked it failed at %s", "；%s 于 %s 标记为失败"},
	"task.run_faulty":     {"the run cannot go on: %s: %s", "运行无法继续：%s：%s"},

	"ask.goes_on":    {"ask %s %s; it is about to go on", "问题 %s %s；即将继续"},
	"ask.waits":      {"it waits for an answer to ask %s, %s: dingdag asks answer %s OPTION (%s)", "等待回答问题 %s（%s）：dingdag asks answer %s OPTION（%s）"},
	"ask.only":       {"; only %s may answer", "；仅 %s 可以回答"},
	"ask.default_at": {"; at %s its defaults are chosen: %s", "；%s 前未回答则采用默认选项：%s"},
	"ask.fails_at":   {"; at %s it fails", "；%s 前未回答则失败"},
	"ask.answered":   {"was answered already by %s at %s: %s", "已由 %s 于 %s 回答：%s"},
	"ask.defaulted":  {"was not answered in time; its defaults were chosen at %s: %s", "未按时回答，已于 %s 采用默认选项：%s"},
	"ask.timed_out":  {"was not answered in time, which was over at %s", "未按时回答，已于 %s 截止"},
	"ask.closed":     {"was closed at %s: %s", "已于 %s 关闭：%s"},
	"ask.open":       {"is open", "待回答"},

	"limit.max_active_tasks":          {"max_active_tasks: %s of %s tasks of the run are active", "max_active_tasks：此次运行有 %s 个任务处于活动状态，上限 %s"},
	"limit.max_active_tis_per_dag":    {"max_active_tis_per_dag: %s of %s instances are active", "max_active_tis_per_dag：有 %s 个实例处于活动状态，上限 %s"},
	"limit.max_active_tis_per_dagrun": {"max_active_tis_per_dagrun: %s of %s instances are active", "max_active_tis_per_dagrun：有 %s 个实例处于活动状态，上限 %s"},
	"limit.max_active_runs":           {"max_active_runs (%s) is reached by %s", "已达到 max_active_runs（%s）：%s"},
	"pool.unknown":                    {"pool %q does not exist: create it with dingdag pools set %s SLOTS", "资源池 %q 不存在：请用 dingdag pools set %s SLOTS 创建"},
	"pool.full":                       {"pool %q: %s of %s slots are taken", "资源池 %q：已占用 %s 个槽位，共 %s 个"},
	"pool.full_deferred":              {"pool %q: %s of %s slots are taken, %s of them by deferred tasks", "资源池 %q：已占用 %s 个槽位，共 %s 个，其中 %s 个由延后的任务占用"},
	"past.absent":                     {"depends_on_past: task %q is not in run %s, and ignore_first_depends_on_past is false", "depends_on_past：运行 %[2]s 中没有任务 %[1]q，且 ignore_first_depends_on_past 为 false"},
	"past.state":                      {"depends_on_past: task %q is %s in run %s", "depends_on_past：任务 %[1]q 在运行 %[3]s 中的状态为 %[2]s"},
	"past.queued":                     {", which is queued, and starts in the slot of this run once nothing else is left to do here", "；该运行在排队，待此次运行没有其他任务可执行时使用其槽位启动"},

	"run.ended":     {"run %s is %s (%s) since %s", "运行 %[1]s 已于 %[4]s %[2]s（%[3]s）"},
	"run.succeeded": {"run %s is %s (%s) since %s", "运行 %[1]s 已于 %[4]s %[2]s"},
	"run.running":   {"run %s is running since %s", "运行 %s 自 %s 开始运行"},
	"run.in_slot":   {", in the slot of run %s, which waits for it (depends_on_past)", "，使用运行 %s 的槽位，后者在等待它（depends_on_past）"},
	"run.queued":    {"run %s is queued since %s", "运行 %s 自 %s 开始排队"},

	"dag.paused":         {"the DAG is paused since %s: dingdag dags unpause %s", "DAG 自 %s 起暂停：dingdag dags unpause %s"},
	"dag.paused_because": {"the DAG is paused since %s (%s): dingdag dags unpause %s", "DAG 自 %s 起暂停（%s）：dingdag dags unpause %s"},
	"dag.paused_by":      {"the DAG is paused since %s by %s: dingdag dags unpause %s", "DAG 自 %s 起被 %s 暂停：dingdag dags unpause %s"},
	"dag.broken":         {"the DAG cannot be loaded: %s", "无法加载 DAG：%s"},
	"dag.broken_since":   {"the DAG cannot be loaded since %s, so it gets no new runs: %s", "自 %s 起无法加载 DAG，不会有新的运行：%s"},

	"health.store_unread":      {"the store cannot be read: %s", "无法读取存储：%s"},
	"health.heartbeat_url":     {"the last request to heartbeat_url was not taken: the log says why", "最近一次对 heartbeat_url 的请求未被接受：原因见日志"},
	"health.not_working":       {"this process is starting or stopping: nothing is scheduled", "此进程正在启动或停止，暂不调度"},
	"health.scheduler_never":   {"no scheduler is running, and none ever was", "没有调度器在运行，且从未运行过"},
	"health.scheduler_stopped": {"no scheduler is running: it was stopped %s ago", "没有调度器在运行：已于 %s 前停止"},
	"health.scheduler_lost":    {"no scheduler is running: the lease of the last one ran out %s ago", "没有调度器在运行：上一个调度器的租约已于 %s 前到期"},
	"health.scheduler_stuck":   {"the scheduler has not %s for %s: the log says why", "调度器已有 %[2]s 未%[1]s：原因见日志"},
	"health.beat":              {"renewed its lease", "续租"},
	"health.pass":              {"looked at all DAGs, and given each its runs,", "检查所有 DAG 并创建运行"},
	"health.round":             {"looked for messages to send", "检查待发送的消息"},
	"health.alerts":            {"alerts %s: %s (%s)", "%s的告警：%s 条（%s）"},
	"health.refused":           {"refused, with nothing that arrived in their place", "被拒绝且没有其他消息代替"},
	"health.uncertain":         {"of which nobody knows whether they arrived", "不确定是否送达"},
	"health.overdue":           {"waiting for over %s", "等待超过 %s "},
	"health.kept_back":         {"successes and retries refused because the quota of their robot is kept for failures: %s", "机器人额度留给失败告警，因而未发送的成功和重试通知：%s 条"},
	"health.robot_gone":        {"robot %q is gone, DingTalk answered %s ago: %s; add a robot to the group, and put its token into the connection", "机器人 %q 已不存在，钉钉于 %s 前答复：%s；请在群中添加机器人，并将其令牌填入该连接"},
	"health.robot_closed":      {"robot %q takes no messages for another %s: it was sent too many", "机器人 %q 因消息过多，在 %s 内暂不接收消息"},
	"health.robot_spent":       {"robot %q has had the %s messages that its quota allows this month", "机器人 %q 已用完本月 %s 条消息的额度"},
	"health.broken_files":      {"DAG files, or DAGs of them, that cannot be loaded: %s", "无法加载的 DAG 文件或其中的 DAG：%s 个"},
	"health.connections":       {"not all connections can be read, or can receive: %s", "部分连接无法读取或无法接收消息：%s"},
	"health.app_deaf":          {"application %q has not been connected to DingTalk for %s, so that nothing arrives from the chat", "应用 %q 已有 %s 未连接到钉钉，收不到聊天消息"},
	"health.app_unheld":        {"no process receives for application %q: nothing arrives from the chat", "没有进程为应用 %q 接收消息，收不到聊天消息"},
	"health.app_lacking":       {"no process receives for application %q, though a scheduler is running: it may lack the connection; its log says more", "调度器在运行，但没有进程为应用 %q 接收消息：可能缺少该连接，详见其日志"},

	"stranger.store":         {"the store cannot be read", "无法读取存储"},
	"stranger.scheduler":     {"the scheduler does not work, or is starting or stopping", "调度器未工作，或正在启动或停止"},
	"stranger.outbox":        {"alerts may not have arrived", "可能有告警未送达"},
	"stranger.robots":        {"a robot takes no messages", "有机器人不接收消息"},
	"stranger.applications":  {"an application receives nothing", "有应用收不到消息"},
	"stranger.import_errors": {"DAG files cannot be loaded", "有 DAG 文件无法加载"},
	"stranger.heartbeat_url": {"the heartbeat is not taken", "心跳未被接受"},
	"stranger.other":         {"something needs a look", "有事项需要查看"},

	"wait.again":        {"it failed, and is tried again", "发送失败，将再次尝试"},
	"wait.outage":       {"the receiver could not be reached or could not do its work", "无法连接接收方，或接收方无法处理"},
	"wait.throttled":    {"the receiver takes nothing for a time, since it was sent too much", "发送过多，接收方暂不接收"},
	"wait.robot_closed": {"robot %s takes no messages, since it was sent too many", "机器人 %s 因消息过多，暂不接收消息"},
	"wait.robot_minute": {"robot %s has had its messages of this minute", "机器人 %s 本分钟的消息数已达上限"},
	"wait.next":         {"it is the next of its channel, or those before it are, or more of its DAG is gathered to be told with it (alert_fold_after): a scheduler that is at work sends it within that time", "它或前面的消息即将发送，或正在收集同一 DAG 的更多告警以便合并（alert_fold_after）：运行中的调度器会在此时间内发送"},

	"problem.uncertain": {"may not have arrived", "可能未送达"},
	"problem.refused":   {"was refused, and nothing arrived in its place", "被拒绝，且没有其他消息代替"},
	"problem.waited":    {"has waited for %s", "已等待 %s"},

	"scheduler.never": {"no scheduler has run yet: start one with dingdag standalone", "尚未运行过调度器：请用 dingdag standalone 启动"},
	"scheduler.gone":  {"no scheduler runs since %s: start one with dingdag standalone", "自 %s 起没有调度器运行：请用 dingdag standalone 启动"},

	"tick.none_yet":       {"no tick was due yet", "尚无到期的调度"},
	"tick.not_before":     {"no tick was due yet: the start_date is %s", "尚无到期的调度：start_date 为 %s"},
	"tick.assets":         {"the DAG runs when its assets are updated, see dags next-execution", "DAG 在其资产更新时运行，见 dags next-execution"},
	"tick.needs_start":    {"the DAG never runs by itself: @continuous needs a start_date", "DAG 不会自动运行：@continuous 需要 start_date"},
	"tick.continuous":     {"the DAG runs again as soon as the run before has ended", "上一次运行结束后 DAG 会立即再次运行"},
	"tick.after_end":      {"it is after the end_date %s", "已过 end_date %s"},
	"tick.no_schedule":    {"the DAG has no schedule by time: it runs when it is triggered", "DAG 没有定时计划，仅在触发时运行"},
	"tick.unseen":         {"no scheduler has seen the DAG yet: start one with dingdag standalone", "还没有调度器读取过此 DAG：请用 dingdag standalone 启动"},
	"tick.first_seen":     {"catchup is off and the DAG was first seen at %s", "catchup 已关闭，且 DAG 于 %s 首次出现"},
	"tick.followed":       {"catchup is off and run %s followed", "catchup 已关闭，且之后已有运行 %s"},
	"tick.about":          {"the scheduler is about to create its run", "调度器即将创建运行"},
	"tick.so_it_was":      {"; so it was with %s ticks from %s to %s", "；%[2]s 至 %[3]s 的 %[1]s 次调度均如此"},
	"tick.paused":         {"the DAG was paused since %s", "DAG 自 %s 起处于暂停状态"},
	"tick.no_scheduler":   {"no scheduler was running", "没有调度器在运行"},
	"tick.down":           {"no scheduler was running from %s to %s", "%s 至 %s 没有调度器在运行"},
	"tick.down_since":     {"no scheduler was running from %s", "自 %s 起没有调度器在运行"},
	"tick.down_until":     {"no scheduler was running until %s", "到 %s 为止没有调度器在运行"},
	"tick.broken":         {"the DAG could not be loaded from %s to %s: %s", "%s 至 %s 无法加载 DAG：%s"},
	"tick.behind":         {"catchup is off and a newer tick was due: max_active_runs was reached, or the scheduler came late", "catchup 已关闭，且已有更新的调度到期：达到了 max_active_runs，或调度器延迟"},
	"tick.has_run":        {"run %s has this logical date", "运行 %s 的逻辑日期与此相同"},
	"tick.other_interval": {"run %s has its logical date and covers another data interval, %s to %s: that from %s to %s has no run, start one with dingdag dags trigger %s --logical-date %s", "运行 %s 使用了其逻辑日期，但数据区间不同（%s 至 %s）：%s 至 %s 没有运行，请用 dingdag dags trigger %s --logical-date %s 启动"},
}
