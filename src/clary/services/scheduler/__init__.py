"""Amazon EventBridge Scheduler: schedules and their groups, with its dispatch table."""

from __future__ import annotations

from collections.abc import Mapping

from clary.services.operation import Operation
from clary.services.scheduler import groups, names, schedules

OPERATIONS: Mapping[str, Operation] = {
    "CreateSchedule": Operation(schedules.create_schedule, names.named_schedule),
    "CreateScheduleGroup": Operation(groups.create_schedule_group, names.named_group),
    "DeleteSchedule": Operation(schedules.delete_schedule, names.named_schedule),
    "DeleteScheduleGroup": Operation(groups.delete_schedule_group, names.named_group),
    "GetSchedule": Operation(schedules.get_schedule, names.named_schedule),
    "GetScheduleGroup": Operation(groups.get_schedule_group, names.named_group),
    "ListScheduleGroups": Operation(groups.list_schedule_groups, names.any_group),
    "ListSchedules": Operation(schedules.list_schedules, names.any_schedule),
    "ListTagsForResource": Operation(groups.TAGGING.list_tags_for_resource, names.tagged),
    "TagResource": Operation(groups.TAGGING.tag_resource, names.tagged),
    "UntagResource": Operation(groups.TAGGING.untag_resource, names.tagged),
    "UpdateSchedule": Operation(schedules.update_schedule, names.named_schedule),
}
