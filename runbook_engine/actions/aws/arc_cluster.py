"""The five regional endpoints of an ARC cluster, any of which will do: asked in random order, until one answers."""

import random
from collections.abc import Callable, Iterable, Mapping

from runbook_engine.actions.aws.common import AwsParams, client
from runbook_engine.actions.aws.errors import Trouble, trouble
from runbook_engine.sdk import ActionContext, AwsAnswer, AwsError, RunbookError, ServiceUnreachableError

SERVICE = "route53-recovery-cluster"


class Cluster:
    """An ARC cluster's data plane.

    Attributes:
        region: of the endpoint that answered last.
    """

    def __init__(
        self,
        params: AwsParams,
        context: ActionContext,
        endpoints: Mapping[str, str],
        *,
        shuffle: Callable[[list[str]], None] = random.shuffle,
    ) -> None:
        self._params, self._context, self._endpoints = params, context, endpoints
        self._order = list(endpoints)
        shuffle(self._order)
        self.region = ""
        # The account is proven, and a role assumed, by STS of the region that the step names, which must not be the
        # lost one; what is asked here first, the endpoints' clients share.
        client(params, context, "sts")

    def states(self, controls: Iterable[str]) -> dict[str, str]:
        """Read the states of routing controls.

        Raises:
            ServiceUnreachableError: no endpoint answers.
        """
        return {
            control: str(self._ask("get_routing_control_state", RoutingControlArn=control)["RoutingControlState"])
            for control in controls
        }

    def change(self, states: Mapping[str, str], override: list[str]) -> None:
        """Set the states of several controls in one call, so that safety rules see all of them together.

        Where an answer is lost, the next endpoint is asked first how they stand.

        Raises:
            ServiceUnreachableError: no endpoint answers.
        """
        failures: list[str] = []
        for _ in self._endpoints:
            entries = [
                {"RoutingControlArn": control, "RoutingControlState": state} for control, state in states.items()
            ]
            try:
                self._once(
                    "update_routing_control_states",
                    UpdateRoutingControlStateEntries=entries,
                    SafetyRulesToOverride=override or None,
                )
            except RunbookError as error:
                failures.append(self._passed_over(error))
            else:
                return
            if self.states(states) == dict(states):
                return
        raise _none_answers(failures)

    def _ask(self, operation: str, **parameters: object) -> AwsAnswer:
        failures: list[str] = []
        for _ in self._endpoints:
            try:
                return self._once(operation, **parameters)
            except RunbookError as error:
                failures.append(self._passed_over(error))
        raise _none_answers(failures)

    def _once(self, operation: str, **parameters: object) -> AwsAnswer:
        region = self._order[0]
        asked = client(self._params, self._context, SERVICE, region=region, endpoint=self._endpoints[region])
        answer = asked.call(operation, **parameters)
        self.region = region
        return answer

    def _passed_over(self, error: RunbookError) -> str:
        """Put the endpoint last; gives why.

        Raises:
            RunbookError: it answered, and the others would say the same.
        """
        lost = isinstance(error, ServiceUnreachableError)
        if not lost and not (isinstance(error, AwsError) and trouble(error) is Trouble.TRANSIENT):
            raise error
        region = self._order.pop(0)
        self._order.append(region)
        self._context.progress(f"the endpoint in {region} is passed over: {error.message}")
        return f"{region}: {error.message}"


def _none_answers(failures: Iterable[str]) -> ServiceUnreachableError:
    return ServiceUnreachableError(
        f"none of the cluster's endpoints answers: {'; '.join(failures)}",
        hint="are the endpoints those that `aws route53-recovery-control-config describe-cluster` lists?",
    )
