"""Laws of machines: an inventory written and read again is the same, and so is what it selects."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, given, strategies as st
from pydantic import ValidationError

from nimprofile import (
    Gpu,
    Inventory,
    InventoryError,
    Manifest,
    dump_inventory,
    mock_inventory,
    parse_inventory,
    products,
    select,
)
from nimprofile.hardware.catalog import find_product, product_spelled
from nimprofile.hardware.conditions import Condition, Kind
from nimprofile.hardware.identity import product_of
from nimprofile.hardware.inventory_file import inventory_adapter
from nimprofile.hardware.inventory_values import inventory_from
from nimprofile.hardware.visible_devices import cuda_devices, visible
from nimprofile.manifest.profile_tags import profile_from_tags
from nimprofile.testing import COMMON_PRODUCTS, gpus, inventories, nvml_inventories, situations


@given(inventories())
def test_inventory_to_json_to_inventory_is_the_identity(inventory):
    text = json.dumps(dump_inventory(inventory))

    assert inventory == parse_inventory(text)
    assert text == json.dumps(dump_inventory(parse_inventory(text)))


@given(inventories())
def test_what_is_null_may_be_left_out(inventory):
    data = dump_inventory(inventory)
    known = {key: value for key, value in data.items() if value is not None}
    known["gpus"] = [
        {key: value for key, value in gpu.items() if value is not None} for gpu in data["gpus"]
    ]

    assert inventory == parse_inventory(json.dumps(known))


@given(inventories(), st.randoms(use_true_random=False))
def test_the_order_of_the_list_and_of_the_keys_never_matters(inventory, random):
    data = dump_inventory(inventory)
    random.shuffle(data["gpus"])
    shuffled = [dict(random.sample(list(gpu.items()), len(gpu))) for gpu in data["gpus"]]

    assert inventory == parse_inventory(json.dumps(data | {"gpus": shuffled}))


@given(situations())
def test_a_saved_machine_selects_what_the_machine_itself_selects(situation):
    saved = parse_inventory(json.dumps(dump_inventory(situation.inventory)))

    assert select(*situation) == select(*situation._replace(inventory=saved))


@given(inventories())
def test_gpus_stand_in_the_order_of_their_indices(inventory):
    indices = [gpu.index for gpu in inventory.gpus]

    assert sorted(set(indices)) == indices


@given(gpus(strange=False, products=[product.short for product in products()]))
def test_a_catalogued_gpu_is_known_by_its_id_or_by_its_whole_name(gpu):
    product = product_of(gpu)
    shared = [other.name for other in products()].count(gpu.name) > 1

    assert product is not None or (shared and gpu.device_id is None)
    assert product is None or gpu.device_id is None or gpu.device_id in product.device_ids


@given(st.sampled_from(products()), st.integers(1, 16), st.data())
def test_every_spelling_of_a_product_describes_the_same_machine(product, count, data):
    spelling = data.draw(st.sampled_from([product.short, *sorted(product.spellings)]))

    assert mock_inventory(f"{count}x{product.short}") == mock_inventory(f"{count}x{spelling}")
    assert product is find_product(spelling.upper())


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from(COMMON_PRODUCTS)), min_size=1))
def test_a_description_has_so_many_gpus_of_each_product_in_that_order(parts):
    machine = mock_inventory(",".join(f"{count}x{name}" for count, name in parts))

    assert [name for count, name in parts for _ in range(count)] == [
        product_of(gpu).short for gpu in machine.gpus
    ]
    assert list(range(len(machine.gpus))) == [gpu.index for gpu in machine.gpus]


CAPABILITIES = sorted({product.compute_capability for product in products()})


@given(
    st.sampled_from([product for product in products() if product.device_ids]),
    st.sampled_from([product for product in products() if product_spelled(product.name)]),
    st.sampled_from([None, *CAPABILITIES]),
)
def test_what_contradicts_itself_is_one_of_what_was_read_and_is_remarked_on(by_id, by_name, read):
    """One remark on id and name, one on the capability; a profile for another never runs."""
    gpu = Gpu(0, by_name.name, device_id=by_id.device_ids[0], compute_capability=read)
    machine = parse_inventory(json.dumps(dump_inventory(Inventory((gpu,)))))
    assume(product_spelled(by_name.name) is by_name)  # not of the boards that say `NVIDIA H100`
    believed = product_of(gpu)
    kinds = {remark.kind for remark in machine.remarks}

    assert believed in (by_id, by_name)
    assert (Kind.CONTRADICTION in kinds) is (by_id is not by_name)
    assert (Kind.CAPABILITY in kinds) is (read not in (None, believed.compute_capability))
    for product in (by_id, by_name):
        tags = {"gpu": product.short, "gpu_device": ",".join(product.device_ids or ("ffff",))}
        manifest = Manifest((profile_from_tags("a", tags, name="a"),))
        assert (select(manifest, machine).selected is not None) is (product is believed)


UUIDS = st.sampled_from(
    [None, "", "0", "GPU-", "GPU-1", "gpu-11", "GPU-111", "GPU-2,GPU-1", "GPU-3 ", "MIG-1", "GPU-é"]
)


@given(st.lists(UUIDS, min_size=1, max_size=6), st.data())
def test_the_variable_for_some_gpus_shows_just_these_whatever_their_uuids(uuids, data):
    """Of UUIDs that stand twice the file is refused."""
    gpus = [{"name": "NVIDIA L40S", "uuid": uuid} for uuid in uuids]
    named = [uuid for uuid in uuids if uuid]
    text = json.dumps({"gpus": gpus})
    if len(set(named)) < len(named):
        with pytest.raises(InventoryError, match="share the UUID"):
            parse_inventory(text)
        return
    machine = parse_inventory(text)
    chosen = data.draw(st.sets(st.sampled_from(range(len(uuids))), min_size=1))
    shown = visible(machine, cuda_devices(machine, chosen).environ)

    assert sorted(chosen) == [gpu.index for gpu in shown.gpus]


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 1 << 65)
    | st.floats()
    | st.text(max_size=4)
    | st.sampled_from(["9.0", " 12.1 ", "2330:10DE", "nvlink", "570.1", "\0"]),
    lambda values: (
        st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=4), values, max_size=2)
    ),
    max_leaves=4,
)


@st.composite
def mutated_values(draw):
    """The JSON values of an inventory in which some have been replaced, dropped or added."""
    data = json.loads(
        json.dumps(dump_inventory(draw(st.one_of(inventories(), nvml_inventories()))))
    )
    for _ in range(draw(st.integers(0, 2))):
        objects = [data, *data["gpus"], *data["connections"]]
        target = draw(st.sampled_from([one for one in objects if isinstance(one, dict)]))
        key = draw(st.one_of(st.sampled_from(sorted(target)), st.text(max_size=4)))
        if draw(st.booleans()):
            target[key] = draw(JSON_VALUES)
        else:
            target.pop(key, None)
        if not all(isinstance(data.get(name), list) for name in ("gpus", "connections")):
            break
    return data


@given(mutated_values())
def test_what_is_read_without_pydantic_is_what_pydantic_reads(values):
    """Where the fast reading accepts, pydantic accepts, and the values are equal."""
    quick = inventory_from(values)
    try:
        checked = inventory_adapter().validate_json(json.dumps(values), strict=True)
    except ValidationError:
        checked = None

    assert quick is None or quick == checked


@given(st.one_of(inventories(), nvml_inventories()))
def test_what_the_package_writes_is_read_without_pydantic(inventory):
    assert inventory == inventory_from(json.loads(json.dumps(dump_inventory(inventory))))


@given(situations(), st.data())
def test_a_saved_machine_whose_gpus_hung_selects_and_warns_as_the_machine_itself(situation, data):
    calls = st.sampled_from([None, "nvmlDeviceGetName", "nvmlDeviceGetMemoryInfo"])
    states = [
        Condition(Kind.NO_ANSWER, seconds=15.0, call=data.draw(calls))
        if data.draw(st.booleans())
        else gpu.unavailable
        for gpu in situation.inventory.gpus
    ]
    pairs = zip(situation.inventory.gpus, states, strict=True)
    machine = situation.inventory.replace(
        gpus=tuple(gpu.replace(unavailable=state) for gpu, state in pairs)
    )
    saved = parse_inventory(json.dumps(dump_inventory(machine)))

    decision = select(*situation._replace(inventory=machine))
    assert decision == select(*situation._replace(inventory=saved))
