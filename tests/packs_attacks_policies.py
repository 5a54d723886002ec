"""Policies that cannot be read: whoever verifies must not believe somebody by mistake."""

from hashlib import sha256

from ledger.tlog.keys import format_vkey
from tests.packs import b64
from tests.packs_attacks import Case, attack
from tests.packs_log import policy, witness_keys
from tests.unit.trees import ORIGIN, log_key

LOG = format_vkey(log_key().verifier)
W1, W2, W3 = (format_vkey(one.verifier) for one in witness_keys())
HEAD = f"log {LOG}\nwitness w1 {W1}\nwitness w2 {W2}\n"
SOUND = bytes([1]) + log_key().verifier.public
SMALL_ORDER = (1).to_bytes(32, "little")


def vkey(name: str, data: bytes) -> str:
    """The verifier key of these bytes, whatever they are."""
    key_id = sha256(name.encode() + b"\n" + data).digest()[:4]
    return f"{name}+{key_id.hex()}+{b64(data)}"


POLICIES = {
    "empty": "",
    "no_quorum": HEAD,
    "quorum_twice": f"{HEAD}quorum none\nquorum w1\n",
    "quorum_of_two_names": f"{HEAD}quorum w1 w2\n",
    "quorum_of_nothing": f"{HEAD}quorum\n",
    "quorum_of_somebody": f"{HEAD}quorum somebody\n",
    "unknown_word": f"{HEAD}quorum w1\ntrust everybody\n",
    "log_without_a_key": "log\nquorum none\n",
    "log_with_more_words": f"log {LOG} https://log.example/ more\nquorum none\n",
    "log_with_the_key_of_a_witness": f"log {W1}\nquorum none\n",
    "log_twice": f"log {LOG}\nlog {LOG}\nquorum none\n",
    "witness_without_a_name": f"{HEAD}witness\nquorum w1\n",
    "witness_without_a_key": f"{HEAD}witness w3\nquorum w1\n",
    "witness_with_the_key_of_a_log": f"{HEAD}witness w3 {LOG}\nquorum w1\n",
    "witness_named_none": f"{HEAD}witness none {W3}\nquorum none\n",
    "witness_of_a_name_that_is_taken": f"{HEAD}witness w1 {W3}\nquorum w1\n",
    "one_witness_under_two_names": f"{HEAD}witness w3 {W1}\ngroup g 2 w1 w3\nquorum g\n",
    "group_without_a_name": f"{HEAD}group\nquorum w1\n",
    "group_of_a_name_that_is_taken": f"{HEAD}group w1 any w2\nquorum w1\n",
    "group_of_nobody": f"{HEAD}group g all\nquorum g\n",
    "group_without_a_number": f"{HEAD}group g\nquorum w1\n",
    "group_of_somebody": f"{HEAD}group g any w1 somebody\nquorum g\n",
    "group_with_a_member_twice": f"{HEAD}group g 2 w1 w1\nquorum g\n",
    "groups_that_share_a_member": f"{HEAD}group g any w1\ngroup h 2 g w1\nquorum h\n",
    "group_that_asks_for_nobody": f"{HEAD}group g 0 w1 w2\nquorum g\n",
    "group_that_asks_for_more_than_it_has": f"{HEAD}group g 3 w1 w2\nquorum g\n",
    "group_that_asks_for_less_than_nobody": f"{HEAD}group g -1 w1 w2\nquorum g\n",
    "group_that_asks_for_most": f"{HEAD}group g most w1 w2\nquorum g\n",
    "key_without_its_parts": f"log {ORIGIN}\nquorum none\n",
    "key_in_no_base64": f"log {LOG[:-1]}!\nquorum none\n",
    "key_in_another_base64": f"log {W1[:-1]}\nquorum none\n",
    "key_with_the_id_of_another": f"log {ORIGIN}+00000000+{LOG.split('+', 2)[2]}\nquorum none\n",
}
KEYS = {
    "key_of_nothing": b"",
    "key_of_an_unknown_kind": bytes([2]) + log_key().verifier.public,
    "key_that_anybody_can_sign_with": bytes([1]) + SMALL_ORDER,
    "key_that_is_no_point": bytes([1]) + bytes([2]) + bytes(31),
    "key_of_ml_dsa_of_another_length": bytes([6]) + bytes(32),
}


def put(name: str, data: bytes) -> None:
    """Put a good pack under this policy among the attacked ones."""

    def change(case: Case) -> None:
        case.policy = data

    change.__name__ = name
    attack("E_POLICY", "policy", on="case")(change)


for each, text in POLICIES.items():
    put(each, text.encode())
for each, data in KEYS.items():
    put(each, f"log {vkey(ORIGIN, data)}\nquorum none\n".encode())
put("key_without_a_name", f"log {vkey('', SOUND)}\nquorum none\n".encode())
put("control_characters", policy() + b"# \x1b[2J\n")
put("key_that_is_no_text", b"log \xff+00000000+AAAA\nquorum none\n")
