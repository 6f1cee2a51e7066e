package metrics

// Of the app.
var (
	appInfo = gauge("app_info", "1, with what the instance is in its labels.",
		"version", "guarantee", "process")
	appState   = gauge("app_state", "1 for the state that the app is in, 0 for the others.", "state")
	appStarted = gauge("app_start_time_seconds", "When the app was started, in seconds since the epoch.")
	appWorkers = gauge("app_workers", "Workers that are alive.")
	appWanted  = gauge("app_workers_wanted", "Workers that the app is configured to have.")
)

// Of a worker.
var (
	workerState     = gauge("worker_state", "1 for the state that the worker is in, 0 for the others.", "worker", "state")
	workerStarted   = gauge("worker_start_time_seconds", "When the worker was started, in seconds since the epoch.", "worker")
	workerHeartbeat = gauge("worker_heartbeat_time_seconds", "When the worker's loop came round last, in seconds since the epoch.", "worker")
	workerTime      = counter("worker_seconds_total", "What the worker's loop spends its time on. Poll has the time that it waits.", "worker", "activity")
	workerTasks     = gauge("worker_tasks", "Tasks of the worker.", "worker", "role", "phase")
	workerCreated   = counter("worker_tasks_created_total", "Tasks that were opened.", "worker")
	workerClosed    = counter("worker_tasks_closed_total", "Tasks that were closed.", "worker")
	workerLost      = counter("worker_tasks_lost_total", "Tasks that were closed because other members may have had them.", "worker")
	workerRevived   = counter("worker_tasks_revived_total", "Tasks that went back to their last commit.", "worker")
	workerReplaced  = counter("worker_failures_total", "Workers that died and were replaced.", "worker")

	polls         = counter("worker_polls_total", "Polls of the consumer.", "worker")
	polledRecords = counter("worker_polled_records_total", "Records that polls returned.", "worker")
	commits       = counter("worker_commits_total", "Commits by outcome. One with nothing to do does not count.", "worker", "outcome")
	commitTime    = histogram("worker_commit_duration_seconds", "How long commits take.", "worker")
	rebalances    = counter("worker_rebalances_total", "Assignments that the group gave the worker.", "worker")
	rebalancing   = counter("worker_rebalancing_seconds_total", "Time in which not all tasks of the worker worked, because they moved or were restored.", "worker")
	restored      = counter("worker_restored_records_total", "Records of changelogs that were read into the stores of active tasks.", "worker")
	quarantined   = counter("worker_stores_quarantined_total", "State folders that were found damaged, moved aside and rebuilt.", "worker")
)

// Of a task.
var (
	taskProcessed    = counter("task_processed_records_total", "Records that the task took.", "task")
	taskTime         = counter("task_process_seconds_total", "Time that the task spent on records.", "task")
	taskPunctuations = counter("task_punctuations_total", "Punctuations that ran.", "task")
	taskPunctuate    = counter("task_punctuate_seconds_total", "Time that the task spent on wall-clock punctuations.", "task")
	taskDropped      = counter("task_dropped_records_total", "Records that a node left out, late ones and null keys for instance.", "task", "node", "reason")
	taskFailed       = counter("task_failed_records_total", "Records that failed, by stage and by what the error policy made of them.", "task", "stage", "verdict")
	taskStreamTime   = gauge("task_stream_time_seconds", "The highest timestamp that the task has seen, in seconds since the epoch.", "task")
	taskBuffered     = gauge("task_buffered_records", "Records that were fetched and wait for the task.", "task", "topic")
	taskBufferBytes  = gauge("task_buffered_bytes", "Bytes of the records that wait for the task.", "task", "topic")
	taskLag          = gauge("task_lag_records", "Records of the input partition on the broker that are not processed yet.", "task", "topic")
	taskLateness     = debug(histogram("task_record_lateness_seconds", "How far records are behind the stream time of their task.", "task"))
)

// Of a topic and a node.
var (
	consumed      = counter("topic_consumed_records_total", "Records that a source node took from a topic.", "task", "node", "topic")
	consumedBytes = counter("topic_consumed_bytes_total", "Bytes of keys and values that a source node took from a topic.", "task", "node", "topic")
	produced      = counter("topic_produced_records_total", "Records that a sink node sent to a topic.", "task", "node", "topic")
	producedBytes = counter("topic_produced_bytes_total", "Bytes of keys and values that a sink node sent to a topic.", "task", "node", "topic")
	latency       = histogram("node_e2e_latency_seconds",
		"Age of records by their timestamp, when a source node takes them and when a sink node, at debug any last node, gets their results.", "task", "node")
	nodeRecords = debug(counter("node_processed_records_total", "Records that a processor or sink node got.", "task", "node"))
)

// Of a store.
var (
	storeEntries     = gauge("store_memory_entries", "Entries of a store that are in memory.", "task", "store")
	storeBytes       = gauge("store_memory_bytes", "Memory of these entries, about.", "task", "store")
	storeUncommitted = gauge("store_uncommitted_bytes", "Memory of what was written since the last commit, about.", "task", "store")
	storeScans       = gauge("store_open_iterators", "Range reads of processors that were begun and not ended.", "task", "store")
	storeLogged      = counter("store_changelog_records_total", "Records that were written to the store's changelog.", "task", "store")
	storeLoggedBytes = counter("store_changelog_bytes_total", "Bytes of keys and values that were written to the store's changelog.", "task", "store")
	storeRestored    = counter("store_restored_records_total", "Records of the changelog that were read into the store of an active task.", "task", "store")
	storeRemaining   = gauge("store_restore_remaining_records", "Offsets of the changelog that the restore of an active task still has before it.", "task", "store")
	storeStandbyLag  = gauge("store_standby_lag_records", "Offsets of the changelog that a standby's or a warm-up's store lacks.", "task", "store", "role")
	bufferRecords    = gauge("suppression_buffer_records", "Updates that a suppression buffer holds.", "task", "store")
	bufferBytes      = gauge("suppression_buffer_bytes", "Bytes that count for the limit of a suppression buffer.", "task", "store")

	storeOps  = debug(counter("store_operations_total", "Reads and writes of a store by processors.", "task", "store", "operation"))
	storeRead = debug(histogram("store_engine_read_duration_seconds",
		"How long a read of one key takes that memory does not answer.", "task", "store"))
	cacheHits   = debug(counter("cache_hits_total", "Updates that replaced one of the same key in the record cache.", "task", "store"))
	cacheMisses = debug(counter("cache_misses_total", "Updates of keys that the record cache did not have.", "task", "store"))
	cacheBytes  = debug(gauge("cache_bytes", "Memory of the record cache of a store, about.", "task", "store"))
	emits       = debug(counter("suppression_emits_total", "Updates that left a suppression buffer.", "task", "store"))
)

// Of the engine below the stores of a task.
var (
	engineReaders     = gauge("engine_open_readers", "Iterators and snapshots of the task's engine that are open, those of queries too.", "task")
	engineDisk        = debug(gauge("engine_disk_bytes", "Size of all files of the task's engine.", "task"))
	engineMemTable    = debug(gauge("engine_memtable_bytes", "Memory of the engine's tables that are not written yet.", "task"))
	engineL0Files     = debug(gauge("engine_l0_files", "Files of the engine's first level, which compactions have not merged yet.", "task"))
	engineL0Sublevels = debug(gauge("engine_l0_sublevels", "Sorted runs of the engine's first level; a read looks into each.", "task"))
	engineFlushes     = debug(counter("engine_flushes_total", "Flushes of the engine's memory.", "task"))
	engineCompactions = debug(counter("engine_compactions_total", "Compactions of the engine.", "task"))
)
