"""Jobs of several instances: they meet by name, share the data and the model, and end together."""

from __future__ import annotations

import io
import tarfile

from tests.server import Server, log_of, put, train

GROUP = "/aws/sagemaker/TrainingJobs"
CLUSTER = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}

MEET = """
import json, os, socket, time, urllib.request
me, hosts = os.environ["SM_CURRENT_HOST"], json.loads(os.environ["SM_HOSTS"])
told = json.load(open("/opt/ml/input/config/resourceconfig.json"))
print("told", told["current_host"], told["hosts"], told["network_interface_name"])
print("share", sorted(os.listdir(os.environ["SM_CHANNEL_TRAIN"])))
ask = urllib.request.Request(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
    headers={"Authorization": os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]})
print("role", json.load(urllib.request.urlopen(ask))["RoleArn"].rpartition("/")[0] != "")
server = socket.create_server((me, 29500))
other = next(host for host in hosts if host != me)
for attempt in range(200):
    try:
        peer = socket.create_connection((other, 29500), 5)
        break
    except OSError:
        time.sleep(0.1)
peer.sendall(me.encode())
print("met", server.accept()[0].recv(20).decode(), flush=True)
for name in (me, "same"):
    open(os.path.join(os.environ["SM_MODEL_DIR"], name), "w").write(me)
"""

GROUPS = [
    {"InstanceGroupName": "feeders", "InstanceType": "ml.c5.xlarge", "InstanceCount": 1},
    {"InstanceGroupName": "trainers", "InstanceType": "ml.m5.large", "InstanceCount": 2},
]
ALONE = """
import json, os, socket, time, urllib.parse
told = json.load(open("/opt/ml/input/config/resourceconfig.json"))
me = told["current_host"]
print("group", told["current_group_name"], told["current_instance_type"])
print("groups", {group["instance_group_name"]: group["hosts"] for group in told["instance_groups"]})
data = "/opt/ml/input/data"
print("channels", {name: sorted(os.listdir(os.path.join(data, name))) for name in sorted(os.listdir(data))})
server = socket.create_server((me, 29500))
for other in (host for host in told["hosts"] if host != me):
    for attempt in range(200):
        try:
            socket.create_connection((other, 29500), 5).sendall(me.encode())
            break
        except OSError:
            time.sleep(0.1)
print("met", sorted(server.accept()[0].recv(20).decode() for _ in range(2)), flush=True)
home = urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL"])
print("outside", socket.socket().connect_ex((home.hostname, home.port)) != 0, flush=True)
"""

FAIL = """
import os, sys, time
if os.environ["SM_CURRENT_HOST"] == "algo-2":
    sys.exit("no luck here")
time.sleep(600)
"""


def test_two_instances_meet_and_leave_one_model(server: Server) -> None:
    for number in range(3):
        data = put(server, "tests", f"meet/data/{number}.csv", b"1\n")
    source = {
        "S3DataType": "S3Prefix",
        "S3Uri": data.rsplit("/", 1)[0],
        "S3DataDistributionType": "ShardedByS3Key",
    }
    channel = {"ChannelName": "train", "DataSource": {"S3DataSource": source}}
    job = train(server, "meet", MEET, ResourceConfig=CLUSTER, InputDataConfig=[channel])
    first, second = (log_of(server, GROUP, f"meet/algo-{number}-") for number in (1, 2))
    assert job["TrainingJobStatus"] == "Completed", [job.get("FailureReason"), first, second]
    assert "told algo-1 ['algo-1', 'algo-2'] lo" in first
    assert "share ['0.csv', '2.csv']" in first
    assert "share ['1.csv']" in second
    assert "met algo-2" in first
    assert "met algo-1" in second
    assert "role True" in second
    body = server.client("s3").get_object(Bucket="tests", Key="output/meet/output/model.tar.gz")["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as model:
        members = {m.name.removeprefix("./"): m for m in model.getmembers() if m.isfile()}
        assert sorted(members) == ["algo-1", "algo-2", "same"]
        same = model.extractfile(members["same"])
        assert same is not None
        assert same.read() == b"algo-1"


def test_groups_of_instances_without_a_network(server: Server) -> None:
    """A heterogeneous cluster; each group has channels of its own, and the instances can reach only each other."""
    for number in range(3):
        data = put(server, "tests", f"groups/data/{number}.csv", b"1\n")
    source = {"S3DataType": "S3Prefix", "S3Uri": data.rsplit("/", 1)[0]}
    sharded = {**source, "S3DataDistributionType": "ShardedByS3Key", "InstanceGroupNames": ["trainers"]}
    channels = [
        {"ChannelName": name, "DataSource": {"S3DataSource": described}}
        for name, described in (("all", source), ("shared", sharded))
    ]
    job = train(
        server,
        "groups",
        ALONE,
        ResourceConfig={"InstanceGroups": GROUPS, "VolumeSizeInGB": 1},
        InputDataConfig=channels,
        EnableNetworkIsolation=True,
    )
    logs = [log_of(server, GROUP, f"groups/algo-{number}-") for number in (1, 2, 3)]
    assert job["TrainingJobStatus"] == "Completed", [job.get("FailureReason"), logs]
    assert job["ResourceConfig"]["InstanceGroups"] == GROUPS
    everything = ["0.csv", "1.csv", "2.csv"]
    expected = [
        ("feeders ml.c5.xlarge", {"all": everything}, ["algo-2", "algo-3"]),
        ("trainers ml.m5.large", {"all": everything, "shared": ["0.csv", "2.csv"]}, ["algo-1", "algo-3"]),
        ("trainers ml.m5.large", {"all": everything, "shared": ["1.csv"]}, ["algo-1", "algo-2"]),
    ]
    for lines, (group, seen, met) in zip(logs, expected, strict=True):
        assert f"group {group}" in lines
        assert "groups {'feeders': ['algo-1'], 'trainers': ['algo-2', 'algo-3']}" in lines
        assert f"channels {seen}" in lines
        assert f"met {met}" in lines
        assert "outside True" in lines


def test_an_instance_that_fails_ends_the_job_and_is_named(server: Server) -> None:
    job = train(server, "one-fails", FAIL, ResourceConfig=CLUSTER)
    assert job["TrainingJobStatus"] == "Failed"
    assert "no luck here" in job["FailureReason"]
    assert job["FailureReason"].endswith("(on algo-2)")
